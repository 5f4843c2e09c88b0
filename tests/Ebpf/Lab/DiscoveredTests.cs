using Xunit.Abstractions;
using Xunit.Sdk;

namespace Ebpf.Tests.Lab;

/// <summary>Collects what discovery finds.</summary>
internal sealed class DiscoveredTests : LongLivedMarshalByRefObject, IMessageSink, IDisposable
{
    /// <summary>Set when discovery has ended.</summary>
    public ManualResetEvent Finished { get; } = new(initialState: false);

    public List<ITestCase> Cases { get; } = [];

    public bool OnMessage(IMessageSinkMessage message)
    {
        if (message is ITestCaseDiscoveryMessage discovered)
            Cases.Add(discovered.TestCase);
        else if (message is IDiscoveryCompleteMessage)
            Finished.Set();
        return true;
    }

    public void Dispose() => Finished.Dispose();
}

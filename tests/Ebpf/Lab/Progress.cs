using System.Globalization;
using Xunit.Abstractions;
using Xunit.Sdk;

namespace Ebpf.Tests.Lab;

/// <summary>
/// Prints each test as it starts and as it ends, so that the last line of a machine that died tells what it died of,
/// and the counts at the end.
/// </summary>
internal sealed class Progress(TextWriter output) : LongLivedMarshalByRefObject, IMessageSink, IDisposable
{
    private int _passed;
    private int _failed;
    private int _skipped;

    /// <summary>Set when the last test of a turn has ended.</summary>
    public AutoResetEvent Finished { get; } = new(initialState: false);

    /// <summary>Some test ran, and none failed.</summary>
    public bool Succeeded => _failed == 0 && _passed > 0;

    public bool OnMessage(IMessageSinkMessage message)
    {
        switch (message)
        {
            case ITestStarting starting:
                output.Write(starting.Test.DisplayName);
                output.Flush();
                break;
            case ITestPassed passed:
                _passed++;
                Ended($"passed {Seconds(passed.ExecutionTime)}");
                break;
            case ITestSkipped skipped:
                _skipped++;
                Ended($"skipped: {skipped.Reason}");
                break;
            case ITestFailed failed:
                _failed++;
                Ended($"FAILED {Seconds(failed.ExecutionTime)}");
                Tell(failed, failed.Output);
                break;
            // A fixture that throws, a test that cannot be found: no test has this failure, so it counts as one.
            case IFailureInformation failure:
                _failed++;
                output.WriteLine($"FAILED outside a test: {message.GetType().Name}");
                Tell(failure, "");
                break;
            case ITestAssemblyFinished:
                Finished.Set();
                break;
        }
        return true;
    }

    /// <summary>Prints the counts.</summary>
    public void Count()
    {
        output.WriteLine($"{_passed} passed, {_failed} failed, {_skipped} skipped");
        output.Flush();
    }

    public void Dispose() => Finished.Dispose();

    private void Ended(string how)
    {
        output.WriteLine($" ... {how}");
        output.Flush();
    }

    private void Tell(IFailureInformation failure, string printed)
    {
        for (var i = 0; i < failure.Messages.Length; i++)
            output.WriteLine($"{failure.ExceptionTypes[i]}: {failure.Messages[i]}\n{failure.StackTraces[i]}");
        if (printed.Length > 0)
            output.WriteLine(printed);
        output.Flush();
    }

    private static string Seconds(decimal seconds) => seconds.ToString("0.00 s", CultureInfo.InvariantCulture);
}

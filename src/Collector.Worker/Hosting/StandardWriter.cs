using System.Text;
using Collector.Linux.Interop;

namespace Collector.Worker.Hosting;

/// <summary>
/// Console.Out and Console.Error on Linux. The runtime's own sets terminals up (<c>ESC[?1h ESC=</c>) and never takes it
/// back, says nothing when a pipe's reader is gone, and cannot be had at all where the stream is closed.
/// </summary>
internal sealed class StandardWriter(int descriptor) : TextWriter
{
    public override Encoding Encoding { get; } = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);

    /// <summary>Looks at the streams, and makes those of the console. Called first of all.</summary>
    public static void TakeOver()
    {
        if (!OperatingSystem.IsLinux())
            return;
        StandardStreams.Secure();
        Console.SetOut(new StandardWriter(StandardStreams.Output));
        Console.SetError(new StandardWriter(StandardStreams.Error));
    }

    /// <summary>Standard output for bytes.</summary>
    public static Stream OpenOutput() =>
        OperatingSystem.IsLinux() ? new DescriptorStream(StandardStreams.Output) : Console.OpenStandardOutput();

    public override void Write(char value) => Write([value]);

    public override void Write(char[] buffer, int index, int count) => Write(buffer.AsSpan(index, count));

    public override void Write(string? value) => Write(value.AsSpan());

    public override void WriteLine(string? value) => Write(value + '\n');

    public override void Write(ReadOnlySpan<char> buffer)
    {
        var bytes = new byte[Encoding.GetMaxByteCount(buffer.Length)];
        Send(bytes.AsSpan(0, Encoding.GetBytes(buffer, bytes)));
    }

    private void Send(ReadOnlySpan<byte> bytes)
    {
        try
        {
            DescriptorOutput.Write(descriptor, bytes);
        }
        catch (IOException) when (descriptor == StandardStreams.Error)
        {
            // There is nowhere left to say it.
        }
    }
}

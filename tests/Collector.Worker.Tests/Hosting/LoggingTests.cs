using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using Collector.Worker.Hosting;
using Collector.Worker.Hosting.Systemd;
using FsCheck;
using FsCheck.Fluent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Collector.Worker.Tests.Hosting;

public class LoggingTests
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 2, 12, 34, 56, TimeSpan.FromHours(1));

    [Theory]
    [InlineData(LogStyle.Plain, LogLevel.Information, "12:34:56 info  Netlens: hello\n")]
    [InlineData(LogStyle.Plain, LogLevel.Trace, "12:34:56 trace Netlens: hello\n")]
    [InlineData(LogStyle.Colour, LogLevel.Warning, "12:34:56 \u001b[33mwarn \u001b[0m Netlens: hello\n")]
    [InlineData(LogStyle.Journal, LogLevel.Critical, "<2>Netlens: hello\n")]
    [InlineData(LogStyle.Journal, LogLevel.Error, "<3>Netlens: hello\n")]
    [InlineData(LogStyle.Journal, LogLevel.Warning, "<4>Netlens: hello\n")]
    [InlineData(LogStyle.Journal, LogLevel.Information, "<6>Netlens: hello\n")]
    [InlineData(LogStyle.Journal, LogLevel.Debug, "<7>Netlens: hello\n")]
    public void Lines_have_the_form_of_their_reader(LogStyle style, LogLevel level, string expected) =>
        Line(style, level, "Collector.Netlens", "hello").ShouldBe(expected);

    [Theory]
    [InlineData("a\nb", @"a\nb")]
    [InlineData("a\r\n<2>Netlens: forged", @"a\r\n<2>Netlens: forged")]
    [InlineData("a\u001b[2Jb\0\u0085\u2028\u202e\u009b", @"a\u001B[2Jb\u0000\u0085\u2028\u202E\u009B")]
    [InlineData("tab\there, 中文 😀", @"tab\there, 中文 😀")]
    public void What_would_end_or_disguise_a_line_is_escaped(string message, string expected) =>
        Line(LogStyle.Journal, LogLevel.Information, "x", message).ShouldBe($"<6>x: {expected}\n");

    [Fact]
    public void Any_message_is_one_line() => Prop.ForAll(ArbMap.Default.ArbFor<string>(), text =>
    {
        var line = Line(LogStyle.Plain, LogLevel.Error, text ?? "", text ?? "", new InvalidOperationException(text));
        line.Count(char.IsControl).ShouldBe(1);
        line.ShouldEndWith("\n");
        line.ShouldStartWith("12:34:56 error ");
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void An_exception_follows_with_its_stack_in_the_same_line()
    {
        var line = Line(LogStyle.Plain, LogLevel.Error, "x", "failed", Thrown());

        line.ShouldStartWith(@"12:34:56 error x: failed: System.InvalidOperationException: one\ntwo\n   at Collector");
        line.Count(c => c == '\n').ShouldBe(1);
    }

    [Fact]
    public void A_line_is_shorter_than_a_record_of_the_journal()
    {
        var line = Line(LogStyle.Journal, LogLevel.Information, "x", new string('中', 100_000));

        line.ShouldEndWith("中...\n");
        Encoding.UTF8.GetByteCount(line).ShouldBeLessThan(48 * 1024);
    }

    [Theory]
    [InlineData("8:15", true, false, false, null, LogStyle.Journal)]
    [InlineData("8:15", false, true, false, null, LogStyle.Plain)]
    [InlineData(null, false, true, false, null, LogStyle.Journal)]
    [InlineData(null, false, true, true, null, LogStyle.Colour)]
    [InlineData(null, false, false, true, null, LogStyle.Colour)]
    [InlineData(null, false, false, true, "1", LogStyle.Plain)]
    [InlineData(null, false, false, true, "", LogStyle.Colour)]
    [InlineData(null, false, false, false, null, LogStyle.Plain)]
    public void The_style_follows_from_what_standard_error_is(
        string? stream, bool isJournal, bool isService, bool isTerminal, string? noColor, LogStyle expected) =>
        LogStyles.Detect(
            name => name switch { "JOURNAL_STREAM" => stream, "NO_COLOR" => noColor, _ => null },
            s => s == stream && isJournal,
            () => isService,
            () => isTerminal).ShouldBe(expected);

    [Fact]
    public void A_dumb_terminal_has_no_colours() =>
        LogStyles.Detect(name => name == "TERM" ? "dumb" : null, _ => false, () => false, () => true)
            .ShouldBe(LogStyle.Plain);

    [Fact]
    public void A_descriptor_is_known_by_what_stat_says_of_it()
    {
        using var file = File.OpenHandle(typeof(LoggingTests).Assembly.Location);
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        foreach (var descriptor in new[] { (int)file.DangerousGetHandle(), (int)socket.Handle })
        {
            var expected = Stat(descriptor);
            JournalStream.Identify(descriptor).ShouldBe(expected);
            JournalStream.Is(descriptor, expected).ShouldBeTrue();
            JournalStream.Is(descriptor, "0:" + expected).ShouldBeFalse();
        }
    }

    [Fact]
    public void A_descriptor_that_is_not_open_is_no_journal() => JournalStream.Is(-1, "0:0").ShouldBeFalse();

    [Fact]
    public void Lines_arrive_before_the_caller_goes_on_and_from_the_level_asked_for()
    {
        using var output = new MemoryStream();
        using var services = Logging(output, LogLevel.Information);
        var ours = services.GetRequiredService<ILoggerFactory>().CreateLogger("Netlens");
        var theirs = services.GetRequiredService<ILoggerFactory>().CreateLogger("Microsoft.AspNetCore.Hosting");

        ours.LogDebug("not shown");
        ours.LogInformation("number {Number}", 7);
        theirs.LogInformation("not shown");
        theirs.LogWarning("shown");

        Encoding.UTF8.GetString(output.ToArray()).ShouldBe("<6>Netlens: number 7\n<4>Hosting: shown\n");
    }

    [Fact]
    public async Task Lines_of_many_threads_stay_whole()
    {
        using var output = new MemoryStream();
        using var services = Logging(output, LogLevel.Information);
        var logger = services.GetRequiredService<ILoggerFactory>().CreateLogger("T");

        await Task.WhenAll(Enumerable.Range(0, 8).Select(t => Task.Run(() =>
        {
            for (var i = 0; i < 100; i++)
                logger.LogInformation("{Text}", new string((char)('a' + t), 50));
        })));

        var lines = Encoding.UTF8.GetString(output.ToArray()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        lines.Length.ShouldBe(800);
        lines.ShouldAllBe(l => l == "<6>T: " + new string(l.Last(), 50));
    }

    [Fact]
    public void A_reader_that_is_gone_is_counted_and_no_failure()
    {
        var output = new MemoryStream();
        using var provider = new LineLoggerProvider(output, LogStyle.Plain, TimeProvider.System);
        output.Dispose();

        Should.NotThrow(() => provider.CreateLogger("x").LogError("nobody hears this"));
        provider.Lost.ShouldBe(1);
    }

    private static ServiceProvider Logging(Stream output, LogLevel level)
    {
        var services = new ServiceCollection();
        services.AddLogging(l => l.AddLines(new LogLevelSwitch(level)).Services
            .AddSingleton<ILoggerProvider>(new LineLoggerProvider(output, LogStyle.Journal, TimeProvider.System)));
        // The one for standard error is not under test here.
        services.Remove(services.First(d => d.ServiceType == typeof(ILoggerProvider)));
        return services.BuildServiceProvider();
    }

    private static string Line(
        LogStyle style, LogLevel level, string category, string message, Exception? exception = null)
    {
        var line = new StringBuilder();
        LogLine.Append(line, style, Noon, level, category, message, exception);
        return line.ToString();
    }

    private static InvalidOperationException Thrown()
    {
        try
        {
            throw new InvalidOperationException("one\ntwo");
        }
        catch (InvalidOperationException e)
        {
            return e;
        }
    }

    private static string Stat(int descriptor)
    {
        var path = $"/proc/{Environment.ProcessId}/fd/{descriptor}";
        var start = new ProcessStartInfo("stat", ["-L", "-c", "%d:%i", path])
        {
            RedirectStandardOutput = true,
            UseShellExecute = false,
        };
        using var stat = Process.Start(start)!;
        var output = stat.StandardOutput.ReadToEnd().Trim();
        stat.WaitForExit();
        stat.ExitCode.ShouldBe(0);
        return output;
    }
}

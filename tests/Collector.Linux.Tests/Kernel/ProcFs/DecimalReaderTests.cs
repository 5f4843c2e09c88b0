using System.Globalization;
using System.Text;
using Collector.Core.Metrics;
using Collector.Linux.Kernel.ProcFs;
using FsCheck;
using FsCheck.Fluent;

namespace Collector.Linux.Tests.Kernel.ProcFs;

public sealed class DecimalReaderTests
{
    [Fact]
    public void What_is_printed_is_read_back()
    {
        Prop.ForAll(ArbMap.Default.ArbFor<long[]>(), numbers =>
        {
            var line = Encoding.ASCII.GetBytes(string.Concat(numbers.Select(n => $" {n}")));
            var read = new long[numbers.Length];
            return DecimalReader.TryReadAll(line, read) && read.SequenceEqual(numbers);
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Any_bytes_are_read_as_the_library_reads_them_or_refused()
    {
        Prop.ForAll(ArbMap.Default.ArbFor<byte[]>(), bytes =>
        {
            var at = 0;
            var ok = DecimalReader.TryRead(bytes, ref at, out var value);
            var text = Encoding.Latin1.GetString(bytes, 0, at);
            return at <= bytes.Length && (!ok || value == Metric.Absent
                || value == long.Parse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture));
        }).QuickCheckThrowOnFailure();
    }

    [Theory]
    [InlineData("9223372036854775807", true, long.MaxValue)]
    [InlineData("-9223372036854775807", true, -long.MaxValue)]
    [InlineData("9223372036854775808", true, Metric.Absent)]
    [InlineData("18446744073709551615", true, Metric.Absent)]
    [InlineData("18446744073709551616", false, Metric.Absent)]
    [InlineData("99999999999999999999", false, Metric.Absent)]
    [InlineData("100000000000000000000", false, Metric.Absent)]
    [InlineData("00000000000000000007", true, 7)]
    [InlineData("-", false, Metric.Absent)]
    [InlineData("", false, Metric.Absent)]
    [InlineData("+1", false, Metric.Absent)]
    public void Limits(string text, bool ok, long expected)
    {
        var at = 0;
        DecimalReader.TryRead(Encoding.ASCII.GetBytes(text), ref at, out var value).ShouldBe(ok);
        value.ShouldBe(expected);
    }

    [Theory]
    [InlineData("TCPAbortOnClose", "TCP", "abort_on_close")]
    [InlineData("TCPDSACKOfoSent", "TCP", "dsack_ofo_sent")]
    [InlineData("TCPSpuriousRTOs", "TCP", "spurious_rtos")]
    [InlineData("TcpTimeoutRehash", "TCP", "timeout_rehash")]
    [InlineData("PAWSEstab", "TCP", "paws_estab")]
    [InlineData("ReasmOKs", "", "reasm_oks")]
    [InlineData("TW", "TCP", "tw")]
    [InlineData("InNoECTPkts", "", "in_no_ect_pkts")]
    [InlineData("TCP", "TCP", "tcp")]
    public void Counter_names_become_words(string counter, string drop, string expected) =>
        CounterName.ToSnake(counter, drop).ShouldBe(expected);
}

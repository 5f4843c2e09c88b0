using System.Globalization;
using System.Net;
using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Interop;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Mib;
using Collector.Linux.Probes.Sockets;
using Collector.Linux.Sources;

namespace Collector.Linux.Findings.Buffers;

/// <summary>A program reads its datagrams too slowly, and the kernel drops what finds no room.</summary>
internal sealed class UdpOverflow(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly Metric[] Lost = [Udp.Of("Udp", "RcvbufErrors"), Udp.Of("Udp6", "RcvbufErrors")];
    private static readonly Metric[] Got = [Udp.Of("Udp", "InDatagrams"), Udp.Of("Udp6", "InDatagrams")];

    private static readonly ProbeOption<long> ErrorFrom = Option.Count(
        "errorFrom", 10, "datagrams in a window",
        "A burst now and then loses a few.");

    private static readonly ProbeOption<Share> ErrorPart = Option.Part(
        "errorShare", Share.Percent(1), "datagrams received",
        "From there on what is asked by UDP is asked again often enough to be felt.");

    private readonly Gravity _gravity = new(own.Get(ErrorFrom), own.Get(ErrorPart));

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "udp-receive-overflow",
        Title = "A UDP socket's receive buffer overflows",
        Severity = EventSeverity.Error,
        Condition = "Datagrams were dropped because a receive buffer was full (RcvbufErrors); an error from "
            + $"{ErrorFrom.InWords} and {ErrorPart.InWords} of those that were delivered on. The socket is the one "
            + "whose own count (sk_drops) grew.",
        Advice = "Read faster, with more threads or sockets, or allow more: SO_RCVBUF by the program, up to "
            + "net.core.rmem_max.",
        Thresholds = [ErrorFrom, ErrorPart],
        Triggers = [.. Lost.Select(static m => FindingTrigger.Grows(m))],
        Evidence = [.. Got],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        var (lost, got) = (Growth(window, Lost), Growth(window, Got));
        if (lost == 0)
            yield break;
        var sockets = window.Rows(UdpRows.Table).Where(static r => r.Growth(UdpRows.Drops) > 0)
            .OrderByDescending(static r => r.Growth(UdpRows.Drops)).Take(4).ToArray();
        if (sockets.Length == 0)
            yield return Of(window, null, lost, lost, got);
        foreach (var socket in sockets)
            yield return Of(window, socket, socket.Growth(UdpRows.Drops), lost, got);
    }

    private Verdict Of(SubjectWindow window, WindowRow? socket, long dropped, long lost, long got)
    {
        var (address, text) = (socket?.Tag("network.local.address") ?? "", socket?.Tag("network.local.port"));
        var port = ushort.Parse(text ?? "0", CultureInfo.InvariantCulture);
        var end = IPAddress.TryParse(address.Split('%')[0], out var ip) ? new IPEndPoint(ip, port) : null;
        var at = end?.ToString() ?? "a socket that is closed by now";
        var found = end is null ? null : SocketSearch.Find(Host, HandleOf(window.Subject), SockDiag.IPPROTO_UDP,
            InetDiag.All, s => s.LocalPort == port ? s.Drops + 1 : 0);
        var room = socket?.Level(UdpRows.FullestLimit);
        return new()
        {
            Severity = _gravity.Of(lost, got),
            Direct = true,
            Detail = end?.ToString() ?? "",
            Sentence = $"loses UDP datagrams at {at}, {dropped} in {window.Span}: "
                + $"{found?.Program ?? "the program"} reads too slowly for its receive buffer"
                + (room > 0 ? $" of {room} bytes" : ""),
            Evidence =
            [
                window.Grew("RcvbufErrors", lost), window.Grew("sk_drops of the socket", dropped),
                window.Grew("InDatagrams", got),
                new("sk_rmem_alloc of sk_rcvbuf", $"{socket?.Level(UdpRows.Fullest)} of {room}"),
            ],
            RuledOut = Checks.Of(window, Checks.Throttling, Checks.Netfilter, Checks.Conntrack),
            Knob = new("SO_RCVBUF", room?.ToString(CultureInfo.InvariantCulture) ?? "",
                $"{Math.Max(212_992, (room ?? 0) * 4)} (net.core.rmem_max is {Sysctl(null, "net.core.rmem_max")})",
                "the program"),
            Confirm = Inside(window.Subject, end is null ? "nstat -az UdpRcvbufErrors" : $"ss -uanmp sport = :{port}"),
            Local = end,
            Process = found?.Process,
        };
    }
}

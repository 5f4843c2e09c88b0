using System.Globalization;
using System.Text.Json;

namespace Collector.Worker.Commands;

/// <summary>
/// Prints what became of packets, from the JSON of an agent that may be of another version: where many were lost, or
/// nothing tells what became of them; everything where all is wanted.
/// </summary>
internal static class LedgerReport
{
    /// <summary>Reasons that are named; the others are added up.</summary>
    private const int Few = 4;

    /// <summary>Fewer packets are no reason to look at them, whatever part of all they are.</summary>
    private const long Least = 10;

    /// <summary>No namespace has more packets; sums of such numbers are numbers.</summary>
    private const long Most = 1L << 50;

    private const string Indent = "             ";

    private static readonly string[] Parts =
        ["delivered", "forwarded", "reassembled", "lost", "refused", "orderly", "unexplained"];

    public static void Print(JsonElement document, bool all, Screen screen)
    {
        foreach (var ledger in StatusCommand.Items(document, "ledger"))
        {
            if (!all && !IsNotable(ledger))
                continue;
            screen.Line();
            Print(ledger, screen);
        }
    }

    private static bool IsNotable(JsonElement ledger) =>
        IsMuch(Number(ledger, "lost") + Math.Max(0, Number(ledger, "unexplained")), Number(ledger, "received"))
        || IsMuch(Sum(ledger, "sent_lost"), Number(ledger, "sent"));

    private static bool IsMuch(long part, long whole) => part >= Least && part * 100 > whole;

    private static void Print(JsonElement ledger, Screen screen)
    {
        var received = Number(ledger, "received");
        screen.Text($"packets of {StatusCommand.Text(ledger, "whose")} in "
            + $"{WhyReport.Time(TimeSpan.FromSeconds(Seconds(ledger)))}", "  ");
        var parts = Parts.Where(p => p is "delivered" or "lost" || Number(ledger, p) > 0)
            .Select(p => $"{Count(Number(ledger, p))} {p}").ToList();
        if (!IsNumber(ledger, "unexplained"))
        {
            var rest = received - Parts.Sum(p => Number(ledger, p));
            parts.Add($"{Count(Math.Max(0, rest))} of which packetloss would tell, which is off");
        }
        Line("came in", $"{Count(received)} = {string.Join(" + ", parts)}");
        Line("lost", Reasons(ledger, "lost_by"));
        Line("before IP", Reasons(ledger, "lost_before_ip"));
        var lost = Reasons(ledger, "sent_lost");
        Line("sent", Count(Number(ledger, "sent")) + (lost.Length > 0 ? $"; lost: {lost}" : ""));

        void Line(string name, string text)
        {
            if (text.Length > 0)
                screen.Text($"  {name,-10} {text}", Indent);
        }
    }

    /// <summary>"1190 netfilter, 10 InHdrErrors"; the largest first.</summary>
    private static string Reasons(JsonElement ledger, string name)
    {
        var reasons = StatusCommand.Items(ledger, name)
            .Select(r => (Reason: StatusCommand.Text(r, "reason"), Packets: Number(r, "packets")))
            .Where(static r => r.Packets > 0).OrderByDescending(static r => r.Packets).ToList();
        var shown = reasons.Take(Few).Select(static r => $"{Count(r.Packets)} {r.Reason}").ToList();
        if (reasons.Count > Few)
            shown.Add($"{Count(reasons.Skip(Few).Sum(static r => r.Packets))} for other reasons");
        return string.Join(", ", shown);
    }

    private static long Sum(JsonElement ledger, string name) =>
        StatusCommand.Items(ledger, name).Sum(static r => Number(r, "packets"));

    private static string Count(long packets) => packets.ToString(CultureInfo.InvariantCulture);

    private static double Seconds(JsonElement ledger) => IsNumber(ledger, "seconds")
        && ledger.GetProperty("seconds").TryGetDouble(out var seconds) && seconds is >= 0 and < 1e9 ? seconds : 0;

    private static bool IsNumber(JsonElement from, string name) => from.ValueKind == JsonValueKind.Object
        && from.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number;

    private static long Number(JsonElement from, string name) => Math.Clamp(
        IsNumber(from, name) && from.GetProperty(name).TryGetInt64(out var number) ? number : 0, -Most, Most);
}

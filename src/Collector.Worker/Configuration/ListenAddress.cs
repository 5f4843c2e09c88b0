using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Collector.Worker.Configuration;

/// <summary>
/// <c>127.0.0.1:9102</c>, <c>[::1]:9102</c> or <c>localhost:9102</c>. Names other than localhost are refused: what they
/// resolve to is not the operator's explicit choice.
/// </summary>
public static class ListenAddress
{
    /// <summary>Port 0 takes a free one. localhost is the IPv4 loopback.</summary>
    public static bool TryParse(string text, out IPEndPoint? address, out string problem)
    {
        address = null;
        var colon = text.LastIndexOf(':');
        if (colon <= 0 || text.EndsWith(']'))
            return Fail("is not host:port", out problem);
        var port = text.AsSpan(colon + 1);
        if (port.Length is 0 or > 5 || port.ContainsAnyExceptInRange('0', '9')
            || !int.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            || number > IPEndPoint.MaxPort)
            return Fail($"has no port from 0 to {IPEndPoint.MaxPort}", out problem);
        if (Host(text[..colon]) is not { } host)
            return Fail("does not begin with an IPv4 address, an IPv6 address in brackets, or localhost", out problem);
        address = new(host, number);
        problem = "";
        return true;
    }

    private static IPAddress? Host(string host)
    {
        if (host == "localhost")
            return IPAddress.Loopback;
        var bracketed = host.StartsWith('[') && host.EndsWith(']');
        if (!IPAddress.TryParse(bracketed ? host[1..^1] : host, out var address))
            return null;
        if (bracketed)
            return address.AddressFamily == AddressFamily.InterNetworkV6 ? address : null;
        // IPAddress takes "1" and "0x7f.1" too; an operator who writes those has made a slip.
        return address.AddressFamily == AddressFamily.InterNetwork && address.ToString() == host ? address : null;
    }

    private static bool Fail(string what, out string problem)
    {
        problem = what;
        return false;
    }
}

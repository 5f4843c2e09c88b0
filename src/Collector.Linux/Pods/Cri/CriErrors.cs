using System.Net.Sockets;
using System.Text.Json;
using Grpc.Core;

namespace Collector.Linux.Pods.Cri;

/// <summary>The failures of calls, told with the socket, which the client and the framework do not name.</summary>
internal sealed class CriErrors(string socket, TimeSpan deadline)
{
    public CriException Of(string method, Exception e) => e switch
    {
        OperationCanceledException or RpcException { StatusCode: StatusCode.DeadlineExceeded } => new CriException(
            "deadline_exceeded", $"{socket}: {method}: no answer in {deadline.TotalSeconds:0} s", e),
        RpcException { Status.DebugException: null } refused => Refused(method, refused),
        RpcException { Status.DebugException: HttpRequestException { InnerException: SocketException why } } =>
            new CriException("connect", $"{socket}: {Reason(why)}", e),
        RpcException { Status.DebugException: var broken } => new CriException(
            "protocol", $"{socket}: {method}: {broken.GetBaseException().Message}", e),
        _ => new CriException("protocol", $"{socket}: {method}: {e.GetBaseException().Message}", e),
    };

    /// <summary>A status that came over the wire, or that the client made of what did.</summary>
    private CriException Refused(string method, RpcException e)
    {
        var name = Enum.IsDefined(e.StatusCode)
            ? JsonNamingPolicy.SnakeCaseLower.ConvertName(e.StatusCode.ToString())
            : "unknown";
        return new CriException(name, $"{socket}: {method}: {name}: {e.Status.Detail}", e)
        {
            Status = (int)e.StatusCode,
        };
    }

    private static string Reason(SocketException e) => e.SocketErrorCode switch
    {
        SocketError.AddressNotAvailable => "there is no such socket",
        SocketError.ConnectionRefused => "nobody listens there",
        SocketError.AccessDenied => "permission denied (the socket is root's; in a unit: SupplementaryGroups=root)",
        _ => e.Message,
    };
}

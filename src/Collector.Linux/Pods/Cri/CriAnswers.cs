using System.Net;
using System.Net.Http;

namespace Collector.Linux.Pods.Cri;

/// <summary>
/// Lets through only what is gRPC: of another server's answer the client would make a status that a runtime could have
/// sent, of 404 that it has no such method.
/// </summary>
internal sealed class CriAnswers(HttpMessageHandler inner) : DelegatingHandler(inner)
{
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancel)
    {
        var response = await base.SendAsync(request, cancel).ConfigureAwait(false);
        if (WhatElse(response) is not { } other)
            return response;
        response.Dispose();
        throw new InvalidDataException($"this is no CRI v1 runtime: it answered with {other}");
    }

    private static string? WhatElse(HttpResponseMessage response)
    {
        if (response.StatusCode != HttpStatusCode.OK)
            return $"HTTP status {(int)response.StatusCode}";
        var type = response.Content.Headers.ContentType?.MediaType;
        var isGrpc = type?.StartsWith("application/grpc", StringComparison.Ordinal) == true;
        return isGrpc ? null : $"content of type '{type}'";
    }
}

using System.Buffers;
using Collector.Worker.Configuration;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Collector.Worker.Http;

/// <summary>What all servers of the agent begin with: Kestrel and nothing else.</summary>
internal static class BareServer
{
    /// <summary>The empty builder reads no settings files and adds no logging or server of its own.</summary>
    public static WebApplicationBuilder NewBuilder()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = "netlens" });
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        builder.WebHost.UseKestrelCore();
        builder.Services.Replace(ServiceDescriptor.Singleton<IMemoryPoolFactory<byte>, SharedBlocks>());
        return builder;
    }

    /// <summary>Listens at an address of the configuration.</summary>
    public static void Listen(this KestrelServerOptions options, ListenAddress address, Action<ListenOptions> listen)
    {
        if (address.SocketPath is not null)
            options.ListenUnixSocket(address.SocketPath, listen);
        else if (address.EndPoint is not null)
            options.Listen(address.EndPoint, listen);
        else
            options.ListenLocalhost(address.Port, listen);
    }

    /// <summary>
    /// Blocks for what connections read and write, from the runtime's pool of arrays. Kestrel's own pool lets its
    /// blocks go after ten quiet seconds: each scrape would take new ones, in the part of the heap for what is pinned,
    /// which is collected only with the oldest generation, and that is hours away.
    /// </summary>
    private sealed class SharedBlocks : IMemoryPoolFactory<byte>
    {
        public MemoryPool<byte> Create(MemoryPoolOptions? options = null) => MemoryPool<byte>.Shared;
    }
}

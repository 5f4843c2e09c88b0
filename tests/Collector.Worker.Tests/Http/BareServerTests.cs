using System.Diagnostics.Metrics;
using Collector.Worker.Http;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Collector.Worker.Tests.Http;

public sealed class BareServerTests
{
    [Fact]
    public async Task Connections_take_their_blocks_from_the_pool_of_the_runtime_and_not_from_one_that_lets_them_go()
    {
        (await PinnedBlocksAsync(BareServer.NewBuilder())).ShouldBe(0);
        // What is looked at is there: Kestrel without a word of ours.
        var usual = WebApplication.CreateEmptyBuilder(new());
        usual.WebHost.UseKestrelCore();
        (await PinnedBlocksAsync(usual)).ShouldBeGreaterThan(0);
    }

    // Of this server alone: others run at the same time.
    private static async Task<long> PinnedBlocksAsync(WebApplicationBuilder builder)
    {
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        await using var app = builder.Build();
        var meters = app.Services.GetRequiredService<IMeterFactory>();
        var taken = 0L;
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Scope == meters && instrument.Meter.Name.EndsWith("MemoryPool"))
                    listener.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<long>((_, bytes, _, _) => Interlocked.Add(ref taken, Math.Abs(bytes)));
        listener.Start();
        app.Run(static context => context.Response.WriteAsync(new string('x', 100_000)));
        await app.StartAsync();
        using (var client = new HttpClient { BaseAddress = new(app.BoundAddresses().Single()) })
            (await client.GetStringAsync("/")).Length.ShouldBe(100_000);
        await app.StopAsync();
        return taken;
    }
}

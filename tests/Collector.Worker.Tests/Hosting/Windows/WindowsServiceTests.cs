using Collector.Worker.Hosting;
using Collector.Worker.Hosting.Windows;
using Microsoft.Extensions.Hosting;

namespace Collector.Worker.Tests.Hosting.Windows;

/// <summary>What tests/Windows, which has the real service under Wine, cannot show.</summary>
public class WindowsServiceTests
{
    [Fact]
    public async Task Outside_of_a_service_nothing_changes()
    {
        await WindowsService.ReportEndAsync(ExitCodes.Failure);
        WindowsService.Complain("x");
        var builder = Host.CreateEmptyApplicationBuilder(null);
        var before = builder.Services.Count;
        builder.Services.AddWindowsServiceLifetime().Count.ShouldBe(before);
    }
}

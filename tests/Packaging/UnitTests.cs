using System.Text.RegularExpressions;
using Collector.Tests.Support;

namespace Packaging.Tests;

/// <summary>What systemd says of the unit without running it.</summary>
public sealed partial class UnitTests
{
    [RequiresRootFact("systemd-analyze")]
    public void Exposure_is_below_3_0()
    {
        // --threshold makes it an exit status; its unit is a tenth.
        var (code, output, error) = Shell.Try(
            "systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=29", Unit.File);
        code.ShouldBe(0, output + error);
        Exposure().IsMatch(output).ShouldBeTrue(output);
    }

    [RequiresMachineFact("systemd-analyze")]
    public void Systemd_understands_every_line()
    {
        using var machine = new Machine();
        machine.CopyPayload();
        var (code, output, error) = machine.Try(
            "systemd-analyze", "verify", "--man=no", "/usr/lib/systemd/system/netlens.service");
        code.ShouldBe(0, error);
        (output + error).ShouldBeEmpty();
    }

    [Fact]
    public void What_is_given_is_also_the_bound()
    {
        Unit.Capabilities.ShouldBe(Unit.Values("CapabilityBoundingSet"));
        Unit.Capabilities.Count.ShouldBe(Unit.Capabilities.Distinct().Count());
    }

    [GeneratedRegex(@"Overall exposure level for netlens\.service: [0-2]\.\d", RegexOptions.None, 1000)]
    private static partial Regex Exposure();
}

namespace Browser.Tests;

/// <summary>The page of a node in Chromium; what each word stands for is in look.mjs.</summary>
public sealed class PageTests(Look look) : IClassFixture<Look>
{
    [RequiresBrowserTheory]
    [InlineData("idle")]
    [InlineData("findings_appear")]
    [InlineData("drill_down")]
    [InlineData("node_and_timeline")]
    [InlineData("five_hundred_pods")]
    [InlineData("connection_lost_and_back")]
    [InlineData("back_online")]
    [InlineData("never_answers")]
    [InlineData("before_the_first_frame")]
    [InlineData("open_over_an_upgrade")]
    [InlineData("crowded")]
    [InlineData("hidden")]
    [InlineData("hostile_names")]
    [InlineData("keyboard")]
    [InlineData("phone")]
    [InlineData("token")]
    [InlineData("below_a_path")]
    [InlineData("without_script")]
    [InlineData("real_agent")]
    public void The_page_does_what_it_should(string scenario) => Check(scenario);

    [RequiresBrowserTheory(Faults = true)]
    [InlineData("real_faults")]
    public void Six_faults_are_followed_to_the_kernels_counters(string scenario) => Check(scenario);

    private void Check(string scenario)
    {
        look.Faults.ShouldContainKey(scenario);
        look.Faults[scenario].ShouldBeNull();
    }
}

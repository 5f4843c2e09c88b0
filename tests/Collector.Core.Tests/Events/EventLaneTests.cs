using Collector.Core.Events;

namespace Collector.Core.Tests.Events;

/// <summary>However many namespaces a user makes and floods, those of the node and of pods have their share.</summary>
public sealed class EventLaneTests
{
    private const int Burst = 3;
    private const ulong Pod = 1;
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(10);

    private static readonly EventInfo Kind = EventLimiterTests.Info("netlens.test.a");
    private static readonly EventInfo OtherKind = EventLimiterTests.Info("netlens.test.b");

    private readonly EventLimiterTests.Clock _clock = new();
    private readonly EventLimiter _limiter;

    public EventLaneTests() => _limiter = new EventLimiter(Burst, Window, _clock, keys: 100);

    [Fact]
    public void A_flood_of_ten_thousand_namespaces_takes_nothing_from_a_pod()
    {
        for (var round = 0; round < 5; round++)
        {
            var through = Flood(OtherKind) + Flood(Kind);
            through.ShouldBe(10 * Burst, "all of them together");
            for (var reason = 0; reason < 20; reason++)
                Admitted(new(Kind, Pod, (round * 100) + reason), 10).ShouldBe(Burst, "each key of the pod");
            _limiter.Keys.ShouldBeLessThan(100);
            _clock.Now += Window;
            Summaries();
            _clock.Now += 4 * Window;
            Summaries();
        }
    }

    [Fact]
    public void What_the_lane_held_back_is_told_once_per_kind_to_the_last_event()
    {
        var through = Flood(Kind);
        _limiter.HoldBack(OfUser(Kind, 77_777), 1000);
        _clock.Now += Window;
        var summaries = Summaries();
        summaries.Count.ShouldBeLessThanOrEqualTo((10 * Burst) + 1);
        summaries.Sum(s => s.HeldBack).ShouldBe((10_000 * 2) - through + 1000);
        _limiter.HeldBack.ShouldBe((10_000 * 2) - through + 1000);
        Summaries().ShouldBeEmpty();
    }

    [Fact]
    public void What_the_kernel_side_held_back_makes_no_keys()
    {
        for (var netns = 100UL; netns < 10_100; netns++)
            _limiter.HoldBack(OfUser(Kind, netns), 1);
        _limiter.Keys.ShouldBe(1);
        _limiter.HeldBack.ShouldBe(10_000);
    }

    [Fact]
    public void One_that_root_vouches_for_leaves_the_lane()
    {
        const ulong Late = 50;
        Flood(Kind);
        Admitted(OfUser(Kind, Late), 1).ShouldBe(0);
        Admitted(new(Kind, Late, 0), 10).ShouldBe(Burst);
        _clock.Now += Window;
        Flood(Kind);
        Admitted(new(Kind, Late, 0), 10).ShouldBe(Burst);
    }

    [Fact]
    public void With_a_large_burst_they_take_a_quarter_of_the_keys()
    {
        _limiter.Reconfigure(burst: 1000, Window);
        for (var netns = 100UL; netns < 1100; netns++)
            Admitted(OfUser(Kind, netns), 1).ShouldBe(1);
        _limiter.Keys.ShouldBe(25 + 1);
        for (var reason = 0; reason < 70; reason++)
            Admitted(new(Kind, Pod, reason), 1).ShouldBe(1);
        _limiter.Keys.ShouldBe(25 + 1 + 70);
    }

    [Fact]
    public void What_is_told_of_them_says_so_and_of_others_does_not()
    {
        Flood(Kind);
        for (var i = 0; i < 2 * Burst; i++)
            _limiter.Admit(new(Kind, Pod, 0), 1);
        _clock.Now += Window;
        var summaries = Summaries();
        summaries.Count(s => s.Rootless).ShouldBeGreaterThan(0);
        summaries.ShouldAllBe(s => s.Rootless == (s.HeldBack != Burst));
        summaries.Count(s => !s.Rootless).ShouldBe(1);
    }

    private static EventKey OfUser(EventInfo kind, ulong netns) => new(kind, netns, 0, Rootless: true);

    private int Flood(EventInfo kind)
    {
        var through = 0;
        for (var netns = 100UL; netns < 10_100; netns++)
            through += Admitted(OfUser(kind, netns), 2);
        return through;
    }

    private int Admitted(EventKey key, int times)
    {
        var admitted = 0;
        for (var i = 0; i < times; i++)
            admitted += _limiter.Admit(key, 1) ? 1 : 0;
        return admitted;
    }

    private List<NetworkEvent> Summaries()
    {
        var summaries = new List<NetworkEvent>();
        _limiter.Summarise(summaries);
        return summaries;
    }
}

using Collector.Core.Probes;
using Collector.Linux.Kernel.Bpf;

namespace Collector.Linux.Probes.Common;

/// <summary>
/// One whose maps have room for a number of entries that is an option: another number needs other maps, all other
/// settings may change while it runs.
/// </summary>
/// <param name="info">Its descriptor.</param>
/// <param name="host">The node.</param>
/// <param name="hooks">What it attaches.</param>
/// <param name="settings">Its arguments.</param>
/// <param name="entries">The option.</param>
internal abstract class SizedProbe(
    ProbeInfo info, ProbeHost host, IReadOnlyList<Hook> hooks, ProbeSettings settings, ProbeOption<long> entries)
    : BpfProbe(info, host, hooks)
{
    private ProbeSettings _settings = settings;

    /// <summary>For how many there is to be room.</summary>
    protected int Entries => (int)_settings.Get(entries);

    protected override void Prepare(BpfObject loaded) => Apply(loaded, _settings);

    public override bool Reconfigure(ProbeSettings settings)
    {
        var fits = settings.Get(entries) == _settings.Get(entries);
        _settings = settings;
        if (fits)
            Apply(Object, settings);
        return fits;
    }

    /// <summary>Tells the program its settings.</summary>
    protected abstract void Apply(BpfObject loaded, ProbeSettings settings);
}

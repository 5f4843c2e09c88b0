using Collector.Core.Probes;

namespace Collector.Linux.Kernel.Bpf;

/// <summary>
/// Loads and attaches a probe's object by the best ways that the kernel takes: begins with the first of every hook,
/// and whenever one is refused goes on with that hook's next. What is refused and why is kept.
/// </summary>
internal sealed class AttachLadder
{
    private readonly BpfEnvironment _environment;
    private readonly BpfImage _image;
    private readonly Rung[] _rungs;

    private AttachLadder(BpfEnvironment environment, BpfImage image, IReadOnlyList<Hook> hooks)
    {
        _environment = environment;
        _image = image;
        _rungs = [.. hooks.Select(h => new Rung(h))];
    }

    /// <param name="environment">The kernel.</param>
    /// <param name="image">The compiled object.</param>
    /// <param name="hooks">What to attach.</param>
    /// <param name="configure">Called with each opened object before it is loaded: sizes of maps.</param>
    /// <param name="prepare">Called with each loaded object before its programs attach: settings.</param>
    /// <param name="report">What was tried, whatever the outcome.</param>
    /// <returns>The attached object; null when it cannot run here.</returns>
    public static BpfObject? Climb(
        BpfEnvironment environment, BpfImage image, IReadOnlyList<Hook> hooks, Action<BpfObject> configure,
        Action<BpfObject> prepare, out LadderReport report)
    {
        var ladder = new AttachLadder(environment, image, hooks);
        BpfObject? loaded = null;
        string? failure;
        try
        {
            loaded = ladder.Climb(configure, prepare, out failure);
        }
        catch (BpfLoadException e)
        {
            failure = e.Message;
            foreach (var rung in ladder._rungs)
                rung.RefuseWay(failure);
        }
        var attached = loaded is not null;
        report = new LadderReport(image.Name, [.. ladder._rungs.Select(r => r.Report(image, attached))], failure);
        return loaded;
    }

    private BpfObject? Climb(Action<BpfObject> configure, Action<BpfObject> prepare, out string? failure)
    {
        foreach (var rung in _rungs)
            rung.Settle(this);
        while (true)
        {
            if (Array.Find(_rungs, r => r.Way is null && !r.Hook.Optional) is { } lost)
            {
                failure = $"{lost.Hook.Name}: {lost.LastReason}";
                return null;
            }
            if (!Array.Exists(_rungs, r => r.Way is not null))
            {
                failure = "none of its hooks can be attached";
                return null;
            }
            if (TryLoad(configure, prepare) is { } loaded)
            {
                failure = null;
                return loaded;
            }
            foreach (var rung in _rungs)
                rung.Settle(this);
        }
    }

    // One round: opens the object anew, because what was loaded cannot be changed. Null: some way was refused.
    private BpfObject? TryLoad(Action<BpfObject> configure, Action<BpfObject> prepare)
    {
        var loaded = _image.Open(_environment);
        try
        {
            var chosen = _rungs.Where(r => r.Way is not null).SelectMany(r => r.Wanted).ToHashSet();
            foreach (var program in loaded.Programs)
                program.Autoload = chosen.Contains(program.Name);
            foreach (var rung in _rungs)
            {
                if (rung.Way is { Function: { } function } way)
                {
                    foreach (var program in way.Names)
                        loaded.Program(program).Retarget(function);
                }
            }
            configure(loaded);
            if (loaded.TryLoad(out var culprit, out var reason))
            {
                prepare(loaded);
                if (AttachAll(loaded, out culprit, out reason))
                {
                    var done = loaded;
                    loaded = null;
                    return done;
                }
            }
            Refuse(culprit, reason);
            return null;
        }
        finally
        {
            loaded?.Dispose();
        }
    }

    private bool AttachAll(BpfObject loaded, out string culprit, out string reason)
    {
        reason = "";
        foreach (var rung in _rungs)
        {
            foreach (var name in rung.Wanted)
            {
                var program = loaded.Program(name);
                if (program.IsOfCgroup)
                    program.Cgroup = _environment.RootCgroup;
                // What names no place to attach to is run by the agent.
                if (program.IsPlaced && !program.TryAttach(out reason))
                {
                    culprit = name;
                    return false;
                }
            }
        }
        culprit = "";
        return true;
    }

    private void Refuse(string culprit, string reason)
    {
        var rung = Array.Find(_rungs, r => r.Wanted.Contains(culprit))
            ?? throw new BpfLoadException(_environment.Explain(reason));
        rung.Refuse(culprit, _environment.Explain(reason));
    }

    /// <summary>One hook on its way down its ladder.</summary>
    private sealed class Rung(Hook hook)
    {
        private readonly Dictionary<Way, string> _refused = [];
        private readonly Dictionary<string, string> _absent = [];
        private int _at;

        public Hook Hook => hook;

        public Way? Way => _at < hook.Ways.Count ? hook.Ways[_at] : null;

        public string LastReason => _refused.Count > 0 ? _refused.Values.Last() : "no way to attach";

        /// <summary>The programs of the way under trial, without those found absent.</summary>
        public IEnumerable<string> Wanted => Way?.Names.Where(n => !_absent.ContainsKey(n)) ?? [];

        /// <summary>Goes on to the first way that no check refuses beforehand.</summary>
        public void Settle(AttachLadder ladder)
        {
            while (Way is { } way)
            {
                if (ladder._environment.Refusal(way) is { } wrong)
                {
                    RefuseWay(wrong);
                    continue;
                }
                var refused = false;
                foreach (var name in Wanted.ToArray())
                {
                    var section = way.Function is { } function
                        ? $"{ladder._image.SectionOf(name).Split('/')[0]}/{function}"
                        : ladder._image.SectionOf(name);
                    if (ladder._environment.Refusal(section) is { } reason && Refuse(name, reason))
                    {
                        refused = true;
                        break;
                    }
                }
                if (!refused)
                    return;
            }
        }

        /// <summary>Takes a program out; true when its way went with it.</summary>
        public bool Refuse(string program, string reason)
        {
            var way = Way!;
            if (!way.IsRequired(program))
            {
                _absent[program] = reason;
                if (Wanted.Any())
                    return false;
            }
            RefuseWay(reason);
            return true;
        }

        public void RefuseWay(string reason)
        {
            if (Way is null)
                return;
            _refused[Way] = reason;
            _absent.Clear();
            _at++;
        }

        /// <param name="image">For the names of sections.</param>
        /// <param name="attached">False when the probe does not run, whatever this hook came to.</param>
        public HookReport Report(BpfImage image, bool attached) => new(hook.Name, hook.Optional,
        [
            .. hook.Ways.Select((way, i) => new WayReport(
                string.Join(" + ", way.Names.Select(image.SectionOf)),
                i < _at ? WayVerdict.Refused : i == _at && attached ? WayVerdict.Taken : WayVerdict.NotNeeded,
                _refused.GetValueOrDefault(way) ?? (i == _at ? Absent(image) : ""))),
        ]);

        private string Absent(BpfImage image) => string.Join("; ",
            _absent.Select(a => $"without {image.SectionOf(a.Key)}: {a.Value}"));
    }
}

/// <summary>The object as a whole was refused: no single program is to blame.</summary>
internal sealed class BpfLoadException : Exception
{
    public BpfLoadException()
    {
    }

    public BpfLoadException(string message) : base(message)
    {
    }

    public BpfLoadException(string message, Exception innerException) : base(message, innerException)
    {
    }

    /// <summary>As the operator gets to see it.</summary>
    public ProbeUnavailableException AsUnavailable() => new(Message, this);
}

namespace Collector.Worker.Events.Outlets;

/// <summary>Why events that waited are lost; the lower-case name is the <c>error.type</c> of the self-metric.</summary>
internal enum SpoolLoss
{
    /// <summary>There were more than the spool may hold: the oldest went.</summary>
    Size,

    /// <summary>They waited longer than they may.</summary>
    Age,

    /// <summary>Bytes on the disk are not what was written, or of another version.</summary>
    Corrupt,
}

/// <summary>An outlet that takes events over to deliver them later.</summary>
internal interface ISpoolingOutlet : IEventOutlet
{
    SpoolFigures Figures { get; }

    /// <summary>Events that may wait in memory.</summary>
    int Queue { set; }
}

/// <summary>
/// What became of events that an outlet took over: taken + found + what the outlet before it left = delivered + refused
/// + lost + waiting.
/// </summary>
internal sealed class SpoolFigures
{
    private readonly long[] _lost = new long[Enum.GetValues<SpoolLoss>().Length];
    private long _taken;
    private long _found;
    private long _left;
    private long _delivered;
    private long _refused;
    private long _failures;
    private long _bytes;

    /// <summary>Where they wait.</summary>
    public string Folder { get; init; } = "";

    /// <summary>Those of the outlet that had the folder before in this run, which is gone; null for none.</summary>
    public SpoolFigures? Before { get; set; }

    /// <summary>Events handed over in this run.</summary>
    public long Taken => Interlocked.Read(ref _taken);

    /// <summary>Events of an earlier run that were found on the disk.</summary>
    public long Found => Interlocked.Read(ref _found);

    public long Delivered => Interlocked.Read(ref _delivered);

    /// <summary>Events that the backend will never take.</summary>
    public long Refused => Interlocked.Read(ref _refused);

    /// <summary>Times that the disk could not be written.</summary>
    public long Failures => Interlocked.Read(ref _failures);

    /// <summary>Bytes on the disk.</summary>
    public long Bytes
    {
        get => Interlocked.Read(ref _bytes);
        set => Interlocked.Exchange(ref _bytes, value);
    }

    /// <summary>Events that are neither delivered nor lost yet, on the disk and in memory.</summary>
    public long Waiting
    {
        get
        {
            // What left first: the sum must not fall below what is there.
            var gone = Delivered + Refused;
            for (var why = 0; why < _lost.Length; why++)
                gone += Lost((SpoolLoss)why);
            return Math.Max(0, Taken + Found + Interlocked.Read(ref _left) - gone);
        }
    }

    /// <summary>What it leaves behind: where it never got to open the folder, what the one before left.</summary>
    private long Behind => Waiting + (Found + Interlocked.Read(ref _left) == 0 ? Before?.Behind ?? 0 : 0);

    public long Lost(SpoolLoss why) => Interlocked.Read(ref _lost[(int)why]);

    public void Take(long count) => Interlocked.Add(ref _taken, count);

    /// <summary>So many are on the disk. Those that the outlet before it left there are of this run.</summary>
    public void Find(long count)
    {
        var left = Math.Min(count, Math.Max(0, (Before?.Behind ?? 0) - Interlocked.Read(ref _left)));
        Interlocked.Add(ref _left, left);
        Interlocked.Add(ref _found, count - left);
    }

    public void Lose(SpoolLoss why, long count) => Interlocked.Add(ref _lost[(int)why], count);

    public void Fail() => Interlocked.Increment(ref _failures);

    public void Settle(in SendResult result)
    {
        Interlocked.Add(ref _delivered, result.Arrived);
        Interlocked.Add(ref _refused, result.Refused);
    }
}

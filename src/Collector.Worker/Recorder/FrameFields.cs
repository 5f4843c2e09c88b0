namespace Collector.Worker.Recorder;

/// <summary>
/// A record: what makes one snapshot of another, as a protobuf message. First what the snapshot says of itself, then a
/// field for each table that differs.
/// </summary>
/// <remarks>
/// A table's bytes are varints: 0 where its rows stand where they stood, else 1 and how they stand now, as runs, ended
/// by 0: <c>count * 2</c> and how far from the expected place rows are taken, or <c>count * 2 + 1</c> and the cells of
/// rows that were not there, column by column, an absent one as 0. Then the columns in which cells of the others
/// differ, ended by 0: the distance from the column before, and for each cell the distance from the row before and the
/// difference, ended by 0.
/// </remarks>
internal static class FrameFields
{
    public const int Tick = 1;
    public const int Time = 2;
    public const int Moment = 3;
    public const int Series = 4;

    /// <summary>The field of table 0.</summary>
    public const int FirstTable = 16;

    public const ulong SameRows = 0;
    public const ulong OtherRows = 1;

    /// <summary>Small numbers of either sign as small numbers.</summary>
    public static ulong Signed(long value) => unchecked((ulong)((value << 1) ^ (value >> 63)));

    public static long Signed(ulong code) => unchecked((long)(code >> 1) ^ -(long)(code & 1));

    /// <summary>A cell as a whole: the absent one, the smallest number that there is, as 0.</summary>
    public static ulong Cell(long value) => unchecked(Signed(value) + 1);

    public static long Cell(ulong code) => Signed(unchecked(code - 1));
}

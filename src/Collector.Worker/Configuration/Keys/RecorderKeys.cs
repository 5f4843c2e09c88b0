using static Collector.Worker.Configuration.ValueType;

namespace Collector.Worker.Configuration.Keys;

/// <summary>The keys of the section <c>recorder</c>.</summary>
internal static class RecorderKeys
{
    public static IReadOnlyList<ConfigurationKey> All { get; } =
    [
        new ValueKey("recorder.memory", Choice(
                ("off", 0L), ("1MiB", 1L << 20), ("4MiB", 4L << 20), ("16MiB", 16L << 20), ("64MiB", 64L << 20),
                ("256MiB", 256L << 20)),
            "What changed from each collection to the next may take so much memory; the oldest gives way.",
            o => o.Recorder.Memory, (o, v) => o with { Recorder = o.Recorder with { Memory = (long)v! } })
        {
            Variable = "NETLENS_RECORDER_MEMORY",
        },
        new ValueKey("recorder.span", Duration(TimeSpan.FromMinutes(1), TimeSpan.FromDays(1)),
            "Collections that are older are thrown away.",
            o => o.Recorder.Span, (o, v) => o with { Recorder = o.Recorder with { Span = (TimeSpan)v! } })
        {
            Variable = "NETLENS_RECORDER_SPAN",
        },
        new ValueKey("recorder.folder", AbsolutePath,
            "Folder where a recording is kept on SIGUSR1 or a grave finding. Empty: records in the state directory "
                + "that systemd gives, else /var/lib/netlens/records.",
            o => o.Recorder.Folder, (o, v) => o with { Recorder = o.Recorder with { Folder = (string?)v } })
        {
            Variable = "NETLENS_RECORDER_FOLDER",
            Example = "/var/lib/netlens/records",
        },
        new ValueKey("recorder.files", Integer(0, 100),
            "Recordings that stay in that folder; the oldest gives way. 0: none is written.",
            o => o.Recorder.Files, (o, v) => o with { Recorder = o.Recorder with { Files = (int)(long)v! } })
        {
            Variable = "NETLENS_RECORDER_FILES",
        },
    ];
}

using System.Globalization;
using Collector.Worker.Configuration;
using Collector.Worker.Hosting;

namespace Collector.Worker.Recorder.Files;

/// <summary>What a recording is asked for with.</summary>
/// <param name="Reason">Why, in a few words.</param>
/// <param name="Masked">Others stand in the place of addresses.</param>
/// <param name="Collections">How many there are.</param>
/// <param name="Events">How many there are.</param>
internal sealed record RecordRequest(string Reason, bool Masked, int Collections, int Events);

/// <summary>
/// Takes what is in memory out of it: for whoever asks, and on disk when something grave was found or on SIGUSR1.
/// </summary>
/// <param name="history">The collections.</param>
/// <param name="ring">The events.</param>
/// <param name="header">Makes the JSON in front; on any thread.</param>
/// <param name="time">Names files, and says when the last one was.</param>
/// <param name="log">Gets a line for each.</param>
internal sealed class RecordKeeper(
    History history, EventRing ring, Func<RecordRequest, string> header, TimeProvider time, ILogger log)
    : BackgroundService
{
    public const string Extension = ".nlrec";

    /// <summary>The folder that systemd gives a service with StateDirectory=.</summary>
    public const string StateVariable = "STATE_DIRECTORY";

    private const string Unfinished = ".part";

    private const string Stamp = "yyyyMMdd'T'HHmmss'Z'";

    /// <summary>Between two files: what is grave is found again and again.</summary>
    private static readonly TimeSpan Rest = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private long _last;
    private bool _any;
    private bool _writing;
    private long _written;
    private long _failed;
    private long _refused;

    /// <summary>Files written whole.</summary>
    public long Written => Interlocked.Read(ref _written);

    /// <summary>Files that could not be written.</summary>
    public long Failed => Interlocked.Read(ref _failed);

    /// <summary>Wishes for a file that were refused: one was being written, or was less than a minute old.</summary>
    public long Refused => Interlocked.Read(ref _refused);

    /// <summary>
    /// Keeps what is in memory now on disk. Returns at once: it is written on a thread of its own.
    /// </summary>
    /// <param name="reason">Why, in a few words.</param>
    /// <returns>False where none is written: there was one within a minute, or none is wanted.</returns>
    public bool Keep(string reason) => WhyNotKept(reason) is null;

    /// <summary>What is in memory now. Whoever takes it disposes of its collections.</summary>
    public RecordContents Contents(string reason, bool masked)
    {
        var events = Events();
        var collections = history.Read();
        try
        {
            return new(header(new(reason, masked, collections?.Times.Count ?? 0, events.Count)), collections, events);
        }
        catch
        {
            collections?.Dispose();
            throw;
        }
    }

    /// <summary>
    /// The same for what is found: only where somebody has given a folder, the configuration or the service manager. A
    /// program that is tried out leaves nothing behind.
    /// </summary>
    /// <inheritdoc cref="Keep"/>
    public bool KeepFound(string reason) => HasFolder && Keep(reason);

    private bool HasFolder => history.Options.Folder is not null
        || Environment.GetEnvironmentVariable(StateVariable) is { Length: > 0 };

    /// <summary>Where files are kept by these options.</summary>
    public static string FolderOf(RecorderOptions options, Func<string, string?> environment) => options.Folder
        ?? Path.Combine(
            environment(StateVariable)?.Split(':')[0] is { Length: > 0 } state ? state : "/var/lib/netlens", "records");

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            await Signals.UserAsync(stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!stoppingToken.IsCancellationRequested && WhyNotKept("SIGUSR1") is { } why)
                RecordLog.Refused(log, "SIGUSR1", why);
        }
    }

    /// <summary>Begins to write a file; where none is begun, why.</summary>
    private string? WhyNotKept(string reason)
    {
        var options = history.Options;
        if (options.Files == 0 || options.Memory == 0)
            return "the configuration wants none (recorder.files, recorder.memory)";
        lock (_lock)
        {
            if (_writing || (_any && time.GetElapsedTime(_last) < Rest))
            {
                Interlocked.Increment(ref _refused);
                return _writing ? "another is being written" : "the last one was less than a minute ago";
            }
            (_writing, _any) = (true, true);
        }
        try
        {
            new Thread(() => Write(reason, options)) { Name = "recorder", IsBackground = true }.Start();
            return null;
        }
        catch (Exception e)
        {
            // The collection goes on without it.
            Rested();
            Fail(reason, e);
            return e.Message;
        }
    }

    /// <summary>The events that are kept, the oldest first.</summary>
    public IReadOnlyList<NumberedEvent> Events()
    {
        var events = new List<NumberedEvent>();
        var cursor = ring.Begin(0);
        var last = ring.Last;
        var batch = new NumberedEvent[256];
        for (int count; cursor.Position < last && (count = cursor.Read(batch, out _)) > 0;)
            events.AddRange(batch.AsSpan(0, count));
        return events;
    }

    private void Write(string reason, RecorderOptions options)
    {
        var written = false;
        try
        {
            var folder = FolderOf(options, Environment.GetEnvironmentVariable);
            if (OperatingSystem.IsWindows())
                Directory.CreateDirectory(folder);
            else
                Directory.CreateDirectory(
                    folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            var contents = Contents(reason, masked: false);
            using var collections = contents.Collections;
            var path = Path.Combine(folder, NameOf(time.GetUtcNow(), reason));
            Write(path, new RecordFileWriter(contents).Pieces());
            written = true;
            RecordLog.Kept(log, collections?.Times.Count ?? 0, path, reason);
            Tidy(folder, path, options.Files);
        }
        catch (Exception e)
        {
            // Whatever it is: nobody else on this thread takes it, and the agent would end.
            Fail(reason, e);
        }
        finally
        {
            Rested();
        }
        if (written)
            Interlocked.Increment(ref _written);
    }

    /// <summary>From now on it is a minute until the next.</summary>
    private void Rested()
    {
        lock (_lock)
            (_writing, _last) = (false, time.GetTimestamp());
    }

    private void Fail(string reason, Exception e)
    {
        Interlocked.Increment(ref _failed);
        RecordLog.NotKept(log, reason, e.Message);
    }

    /// <summary>Writes a file that only its owner can read: all of it, or none. One thread writes a path.</summary>
    public static void Write(string path, IEnumerable<byte[]> pieces)
    {
        var unfinished = path + Unfinished;
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        // What a kill left, or whatever else bears this name: nothing is written through it.
        File.Delete(unfinished);
        try
        {
            using (var file = new FileStream(unfinished, options))
            {
                foreach (var piece in pieces)
                    file.Write(piece);
            }
            File.Move(unfinished, path, overwrite: true);
        }
        catch
        {
            File.Delete(unfinished);
            throw;
        }
    }

    private static string NameOf(DateTimeOffset now, string reason)
    {
        var word = new string([.. reason.Select(c => char.IsAsciiLetterOrDigit(c) ? char.ToLowerInvariant(c) : '-')]);
        return $"{now.UtcDateTime.ToString(Stamp, CultureInfo.InvariantCulture)}-"
            + $"{word[..Math.Min(word.Length, 40)].Trim('-')}{Extension}";
    }

    // Names begin with the time. What a kill left unfinished goes too: no other is being written now.
    private static void Tidy(string folder, string newest, int files)
    {
        foreach (var left in Directory.EnumerateFiles(folder, $"*{Extension}{Unfinished}").Where(IsOurs))
            File.Delete(left);
        foreach (var old in Directory.EnumerateFiles(folder, $"*{Extension}").Where(f => f != newest && IsOurs(f))
            .OrderDescending(StringComparer.Ordinal).Skip(files - 1))
            File.Delete(old);
    }

    /// <summary>True for names that <see cref="NameOf"/> makes; nothing else in the folder is touched.</summary>
    private static bool IsOurs(string path)
    {
        var name = Path.GetFileName(path.AsSpan());
        var end = name.IndexOf('-');
        return end > 0 && DateTime.TryParseExact(
            name[..end], Stamp, CultureInfo.InvariantCulture, DateTimeStyles.None, out _);
    }
}

namespace Collector.Worker.Http;

/// <summary>A file, and the key that names it.</summary>
internal readonly record struct KeyedFile(string Key, string Path);

/// <summary>
/// What files say, made anew when they say something else. They are looked at when somebody asks, once a second at
/// most, and by their content: what Kubernetes swaps in by a link, or has the time that it had, is noticed too.
/// </summary>
internal sealed class RereadFiles<T> where T : class
{
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(1);

    private readonly Lock _looking = new();
    private readonly IReadOnlyList<KeyedFile> _files;
    private readonly Func<KeyedFile, string> _read;
    private readonly Func<IReadOnlyList<string>, T> _make;
    private readonly TimeProvider _time;
    private IReadOnlyList<string> _texts;
    private long _looked;
    private volatile string? _fault;
    private volatile T _value;

    /// <param name="files">The files.</param>
    /// <param name="read">The text of one.</param>
    /// <param name="make">What their texts are.</param>
    /// <param name="time">Tells when a second has passed.</param>
    /// <exception cref="HttpFileException">One is no use now.</exception>
    public RereadFiles(
        IReadOnlyList<KeyedFile> files, Func<KeyedFile, string> read, Func<IReadOnlyList<string>, T> make,
        TimeProvider time)
    {
        (_files, _read, _make, _time) = (files, read, make, time);
        _texts = Read();
        _value = make(_texts);
        _looked = time.GetTimestamp();
    }

    /// <summary>The last that was any use.</summary>
    public T Value => _value;

    /// <summary>Why the files are no use now; null while they are.</summary>
    public string? Fault => _fault;

    /// <summary>Called when they are no use any more, and why.</summary>
    public Action<string> OnFault { get; set; } = static _ => { };

    /// <summary>Called when they say something else, or are of use again.</summary>
    public Action OnRenewed { get; set; } = static () => { };

    /// <summary>Reads them, unless that was done within the last second or is being done.</summary>
    public void Look()
    {
        if (!_looking.TryEnter())
            return;
        try
        {
            if (_time.GetElapsedTime(_looked) < Rest)
                return;
            Renew();
            _looked = _time.GetTimestamp();
        }
        finally
        {
            _looking.Exit();
        }
    }

    private void Renew()
    {
        try
        {
            var texts = Read();
            if (_fault is null && texts.SequenceEqual(_texts))
                return;
            _value = _make(texts);
            (_texts, _fault) = (texts, null);
            OnRenewed();
        }
        catch (HttpFileException e)
        {
            var fault = $"{e.Key}: {e.Message}";
            if (fault == _fault)
                return;
            _fault = fault;
            OnFault(fault);
        }
    }

    private string[] Read() => [.. _files.Select(file => ReadOne(file))];

    private string ReadOne(KeyedFile file)
    {
        try
        {
            return _read(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new HttpFileException(file, e.Message, e);
        }
    }
}

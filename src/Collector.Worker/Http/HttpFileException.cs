namespace Collector.Worker.Http;

/// <summary>A file that a key names is no use. The message is one line, and begins with the file.</summary>
internal sealed class HttpFileException : Exception
{
    public HttpFileException()
    {
    }

    public HttpFileException(string message)
        : base(message)
    {
    }

    public HttpFileException(string message, Exception inner)
        : base(message, inner)
    {
    }

    public HttpFileException(KeyedFile file, string problem, Exception? inner = null)
        : base($"{file.Path}: {problem}", inner) => Key = file.Key;

    /// <summary>The key that names it.</summary>
    public string Key { get; } = "";
}

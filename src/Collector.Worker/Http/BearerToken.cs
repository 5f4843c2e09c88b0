using System.Security.Cryptography;
using System.Text;
using Collector.Linux.Interop;
using Collector.Worker.Configuration;
using Microsoft.Extensions.Primitives;

namespace Collector.Worker.Http;

/// <summary>What a request showed of the token.</summary>
internal enum TokenVerdict
{
    Right,
    Missing,
    Wrong,

    /// <summary>Nobody can say: the file cannot be read.</summary>
    Unknown,
}

/// <summary>The token that whoever asks must show (RFC 6750): one of the configuration, or a file's.</summary>
internal sealed class BearerToken
{
    /// <summary>In bytes: the longest token, and the line ends that an editor leaves.</summary>
    private const int LargestFile = 4096;

    private const string Scheme = "Bearer ";

    private readonly byte[]? _fixed;
    private readonly RereadFiles<byte[]>? _file;

    private BearerToken(byte[]? text, RereadFiles<byte[]>? file) => (_fixed, _file) = (text, file);

    /// <summary>The file; null where the configuration has the token itself.</summary>
    public RereadFiles<byte[]>? File => _file;

    /// <summary>Null where none is asked for.</summary>
    /// <exception cref="HttpFileException">The file is no use.</exception>
    public static BearerToken? Of(HttpOptions options, TimeProvider time)
    {
        if (options.Token is { } token)
            return new(Encoding.UTF8.GetBytes(token.Text), null);
        return options.TokenFile is { } path
            ? new(null, new([new("http.tokenFile", path)], Read, static t => Encoding.UTF8.GetBytes(t[0]), time))
            : null;
    }

    public TokenVerdict Judge(StringValues authorization)
    {
        _file?.Look();
        if (_file?.Fault is not null)
            return TokenVerdict.Unknown;
        if (authorization is not [{ } header] || !header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
            return TokenVerdict.Missing;
        var shown = Encoding.UTF8.GetBytes(header[Scheme.Length..].Trim(' '));
        return CryptographicOperations.FixedTimeEquals(shown, _fixed ?? _file!.Value)
            ? TokenVerdict.Right
            : TokenVerdict.Wrong;
    }

    private static string Read(KeyedFile file)
    {
        var token = Encoding.UTF8.GetString(NamedFile.Read(file.Path, LargestFile)).Trim(' ', '\t', '\r', '\n');
        return TextChecks.Token(token) is { Length: > 0 } problem
            ? throw new HttpFileException(file, problem)
            : token;
    }
}

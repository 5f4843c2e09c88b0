using Collector.Worker.Configuration;

namespace Collector.Worker.Agent;

/// <summary>The configuration file as it was at one moment, and what came of reading it.</summary>
/// <param name="File">Its path.</param>
/// <param name="Exists">There is one.</param>
/// <param name="Mark">Differs between contents, and between two reasons why there is none.</param>
/// <param name="Result">What is in it, with the environment over it.</param>
internal sealed record ConfigurationFileState(string File, bool Exists, int Mark, ConfigurationResult Result)
{
    /// <param name="file">Path of the file.</param>
    /// <param name="mustExist">Somebody named it, or it was there before.</param>
    public static ConfigurationFileState Load(string file, bool mustExist)
    {
        var errors = new ErrorList();
        var content = ConfigurationFile.ReadBytes(file, mustExist, errors);
        var result = content is null
            ? ConfigurationLoader.Load(null, false, Environment.GetEnvironmentVariable, NodeFactory.Catalogue)
            : ConfigurationLoader.Parse(file, content, Environment.GetEnvironmentVariable, NodeFactory.Catalogue);
        if (errors.Any)
            result = new(null, [.. errors.ToList(), .. result.Errors], result.Sources);
        return new(file, content is not null, MarkOf(content, errors), result);
    }

    /// <summary>The mark of what is there now.</summary>
    public static int MarkNow(string file)
    {
        var errors = new ErrorList();
        return MarkOf(ConfigurationFile.ReadBytes(file, false, errors), errors);
    }

    private static int MarkOf(byte[]? content, ErrorList errors)
    {
        var hash = new HashCode();
        hash.Add(content is not null);
        hash.AddBytes(content);
        foreach (var error in errors.ToList().Where(e => e.Problem != ConfigurationFile.Missing))
            hash.Add(error);
        return hash.ToHashCode();
    }
}

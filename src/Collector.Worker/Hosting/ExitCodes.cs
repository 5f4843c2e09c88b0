namespace Collector.Worker.Hosting;

/// <summary>
/// What the process ends with. Scripts and units depend on the numbers: they never change their meaning.
/// </summary>
public static class ExitCodes
{
    /// <summary>Done, or stopped by a signal in good order.</summary>
    public const int Ok = 0;

    /// <summary>It ran and then failed: an error that nobody expected, or output that could not be written.</summary>
    public const int Failure = 1;

    /// <summary>The command line is wrong: unknown command, option or argument.</summary>
    public const int Usage = 2;

    /// <summary>The configuration file or the environment is wrong; every error has been printed.</summary>
    public const int Configuration = 3;

    /// <summary>All was well understood but it cannot start here: the port is taken, a directory is missing.</summary>
    public const int CannotStart = 4;

    /// <summary>
    /// What was asked for by name is unavailable on this machine or to this user; the reason was printed.
    /// </summary>
    public const int Unavailable = 5;
}

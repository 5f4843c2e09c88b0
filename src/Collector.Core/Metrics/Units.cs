namespace Collector.Core.Metrics;

/// <summary>UCUM units as the semantic conventions write them.</summary>
public static class Units
{
    public const string One = "1";
    public const string Bytes = "By";
    public const string Seconds = "s";
    public const string Packets = "{packet}";
    public const string Segments = "{segment}";
    public const string Datagrams = "{datagram}";
    public const string Messages = "{message}";
    public const string Connections = "{connection}";
    public const string Sockets = "{socket}";
    public const string Errors = "{error}";
    public const string Events = "{event}";
    public const string Entries = "{entry}";
    public const string Calls = "{call}";
    public const string Files = "{file}";
    public const string Pages = "{page}";
    public const string Objects = "{object}";
    public const string Hops = "{hop}";
    public const string Fragments = "{fragment}";
    public const string Queries = "{query}";
}

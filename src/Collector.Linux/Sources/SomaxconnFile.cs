namespace Collector.Linux.Sources;

/// <summary>How many connections may wait at any listener of a namespace: net.core.somaxconn.</summary>
public sealed class SomaxconnFile() : NumberFile("sys/net/core/somaxconn");

namespace Collector.Worker.Watch;

/// <summary>An event as it is printed.</summary>
/// <param name="Text">The line.</param>
/// <param name="From">Where in it the word begins that is coloured.</param>
/// <param name="Length">Its length; 0 where the line is for programs: it is neither coloured nor broken.</param>
/// <param name="Severity">Says in which colour.</param>
internal sealed record WatchWords(string Text, int From, int Length, string Severity);

using Collector.Worker.Commands;
using Collector.Worker.Hosting;

args = InspectorWords.Translate(args);
if (args is ["run", ..])
    Signals.TakeOver();
StandardWriter.TakeOver();
return await CommandLine.InvokeAsync(args);

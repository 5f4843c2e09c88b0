using Collector.Worker.Commands;
using Collector.Worker.Hosting;

if (args is ["run", ..])
    Signals.TakeOver();
StandardWriter.TakeOver();
return await CommandLine.InvokeAsync(args);

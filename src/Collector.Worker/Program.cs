using Collector.Worker.Commands;

return await CommandLine.InvokeAsync(args);

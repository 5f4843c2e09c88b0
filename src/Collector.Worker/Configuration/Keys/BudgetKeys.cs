namespace Collector.Worker.Configuration.Keys;

/// <summary>The keys of the section <c>budget</c>.</summary>
internal static class BudgetKeys
{
    public static IReadOnlyList<ConfigurationKey> All { get; } =
    [
        new ValueKey("budget.cpu", ValueType.Percent(0.001, 10_000),
            "What the eBPF programs of all probes may take of one processor, as the kernel measures it a second in a "
                + "minute. Beyond, over three minutes, the dearest optional probe is off until the next reload.",
            o => o.Budget.Cpu, (o, v) => o with { Budget = o.Budget with { Cpu = (double)v! } })
        {
            Variable = "NETLENS_BUDGET_CPU",
        },
    ];
}

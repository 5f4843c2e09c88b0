using System.CommandLine;
using System.Globalization;
using Collector.Core;
using Collector.Linux.Pods;
using Collector.Worker.Agent;
using Collector.Worker.Collection;
using Collector.Worker.Hosting;

namespace Collector.Worker.Commands;

/// <summary><c>netlens list pods</c>: whose numbers are whose.</summary>
internal static class PodView
{
    public static Command Create()
    {
        var config = CommonOptions.Config();
        var format = CommonOptions.Format("table", "json");
        var command = new Command(
            "pods", "The pods of this node, with their network namespaces and processes.") { config, format };
        command.SetAction(parsed => Session.Guard(() =>
        {
            if (Session.Configure(parsed.GetValue(config))?.Options is not { } options)
                return ExitCodes.Configuration;
            using var node = NodeFactory.Create(options.Paths, pods: options.Pods, limits: options.Limits);
            if (node is not LinuxNode linux)
            {
                Output.Error("pods are known on Linux only");
                return ExitCodes.Failure;
            }
            Session.StartPods(node);
            var pods = linux.Host.ListPods();
            if (parsed.GetValue(format) == "json")
                PrintJson(pods);
            else
                Print(Output.Screen, pods, linux.Host.PodRuntime);
            return ExitCodes.Ok;
        }));
        return command;
    }

    internal static void Print(Screen screen, IReadOnlyList<PodListing> pods, string? runtime)
    {
        var table = Output.Table("POD", "NETNS", "IP", "PIDS", "SOURCE", "AGE", "UID");
        foreach (var pod in pods)
        {
            table.Row(pod.Name.Length > 0 ? $"{pod.Namespace}/{pod.Name}" : "(no runtime told)",
                NetnsOf(pod), Or(string.Join(' ', pod.Addresses)), Or(PidsOf(pod)), pod.Source, Or(AgeOf(pod)),
                pod.Uid);
        }
        if (pods.Count > 0)
            screen.Print(table);
        else
            screen.Line(runtime is null ? "no container runtime answers" : $"{runtime} has no pods");
    }

    // A blank might be a fault of ours.
    private static string Or(string text) => text.Length > 0 ? text : "-";

    private static string NetnsOf(PodListing pod) => pod.HostNetwork
        ? "(host)"
        : Or(pod.Netns == 0 ? "" : pod.Netns.ToString(CultureInfo.InvariantCulture));

    // A pod may have thousands; the JSON has them all.
    private static string PidsOf(PodListing pod)
    {
        const int Most = 3;
        var shown = string.Join(' ', pod.Pids.Take(Most));
        return pod.Pids.Count > Most ? $"{shown} +{pod.Pids.Count - Most}" : shown;
    }

    private static string AgeOf(PodListing pod) => pod.Age is not { } age ? ""
        : age.TotalDays >= 1 ? $"{(int)age.TotalDays}d"
        : age.TotalHours >= 1 ? $"{(int)age.TotalHours}h"
        : age.TotalMinutes >= 1 ? $"{(int)age.TotalMinutes}m"
        : $"{(int)age.TotalSeconds}s";

    private static void PrintJson(IReadOnlyList<PodListing> pods) => Output.Json(json =>
    {
        json.WriteStartArray();
        foreach (var pod in pods)
        {
            json.WriteStartObject();
            json.WriteString("namespace", pod.Namespace);
            json.WriteString("name", pod.Name);
            json.WriteString("uid", pod.Uid);
            json.WriteString("sandbox", pod.Sandbox);
            if (pod.Netns != 0)
                json.WriteNumber("netns", pod.Netns);
            else
                json.WriteNull("netns");
            json.WriteBoolean("hostNetwork", pod.HostNetwork);
            json.WriteBoolean("ready", pod.Ready);
            json.WriteStrings("ips", pod.Addresses.Select(a => a.ToString()));
            json.WriteStartArray("pids");
            foreach (var pid in pod.Pids)
                json.WriteNumberValue(pid);
            json.WriteEndArray();
            json.WriteString("source", pod.Source);
            if (pod.Age is { } age)
                json.WriteNumber("age", Math.Round(age.TotalSeconds, 3));
            json.WriteEndObject();
        }
        json.WriteEndArray();
    });
}

using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Pods.Tests.Cri;
using Pods.Tests.Lab;
using Xunit.Abstractions;

namespace Pods.Tests;

/// <summary>
/// A runtime that answers nonsense: the agent goes on collecting, says what went wrong, and names the pods that it can.
/// </summary>
public sealed class BadRuntimeTests(ITestOutputHelper output)
{
    private const string Quick = "pods: { poll: 1s }\n";

    /// <summary>What a label may have at most to be worth a series; Kubernetes allows 63.</summary>
    private const int LongestLabel = 256;

    [RequiresNodeFact]
    public async Task The_fake_runtime_speaks_as_the_kubelet_of_the_tests_expects()
    {
        using var node = ContainerNode.StartBare();
        await using var runtime = await FakeRuntime.StartAsync(node.Socket);
        var good = Good(node);
        runtime.Sandboxes = [good];
        node.Kubelet.Version.ShouldBe("1.0");
        node.Kubelet.Sandboxes().Single().Metadata.ShouldBe(good.Metadata);
        node.Kubelet.Status(good.Id).Info["info"].ShouldContain("/run/netns/good");
        Should.Throw<GrpcException>(() => node.Kubelet.Status("other")).Status.ShouldBe(GrpcException.NotFound);
    }

    [RequiresNodeFact]
    public async Task A_server_of_HTTP_1_is_no_runtime()
    {
        using var node = ContainerNode.StartBare();
        await using var web = await FakeRuntime.StartAsync(node.Socket, HttpProtocols.Http1);
        using var agent = new NodeAgent(node, node.Socket, Quick);
        ShouldGoOnWithout(agent);
    }

    [RequiresNodeFact]
    public void A_server_of_nonsense_is_no_runtime()
    {
        using var node = ContainerNode.StartBare();
        using var server = new RawServer(node.Socket, static connection =>
        {
            var nonsense = new byte[4096];
            Random.Shared.NextBytes(nonsense);
            connection.Send(nonsense);
        });
        using var agent = new NodeAgent(node, node.Socket, Quick);
        ShouldGoOnWithout(agent);
        server.Connections.ShouldBeGreaterThan(0);
    }

    [RequiresNodeFact]
    public void A_server_that_never_answers_holds_up_nothing()
    {
        using var node = ContainerNode.StartBare();
        using var server = new RawServer(node.Socket, static _ => { });
        using var agent = new NodeAgent(node, node.Socket, Quick);
        ShouldGoOnWithout(agent);
        agent.Stop().ShouldBe(0);
    }

    [RequiresNodeFact]
    public async Task Answers_that_are_cut_or_refused_are_counted_and_the_next_is_taken()
    {
        using var node = ContainerNode.StartBare();
        await using var runtime = await FakeRuntime.StartAsync(node.Socket);
        var good = Good(node);
        runtime.Sandboxes = [good];
        var number = 0;
        runtime.Instead = async (method, context) =>
        {
            if (method != "ListPodSandbox")
                return false;
            switch (Interlocked.Increment(ref number) % 5)
            {
                case 0:
                    context.Abort();
                    return true;
                case 1:
                    // A prefix that promises more than comes, and no status.
                    context.Response.ContentType = "application/grpc";
                    await context.Response.Body.WriteAsync(new byte[] { 0, 0x7F, 0xFF, 0xFF, 0xFF, 1, 2, 3 });
                    return true;
                case 2:
                    context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
                    return true;
                case 3:
                    context.Response.ContentType = "application/grpc";
                    context.Response.AppendTrailer("grpc-status", "nonsense");
                    return true;
                default:
                    return false;
            }
        };
        using var agent = new NodeAgent(node, node.Socket, Quick);
        agent.WaitFor(p => p.OfPod(good.Metadata!.Uid).Count > 0, "the pod's name");
        var page = agent.WaitFor(p => p.Failures("ListPodSandbox") >= 4, "four failures");
        page.Samples.Where(s => s.Name == "netlens_pods_runtime_failures_total" && s.Value > 0)
            .ShouldAllBe(s => !string.IsNullOrEmpty(s["error_type"]));
        agent.FreshPage().OfPod(good.Metadata!.Uid).ShouldNotBeEmpty();
    }

    [RequiresNodeFact]
    public async Task A_stream_that_breaks_every_second_is_taken_up_again()
    {
        using var node = ContainerNode.StartBare();
        await using var runtime = await FakeRuntime.StartAsync(node.Socket);
        var good = Good(node);
        var late = Good(node, "late");
        runtime.Sandboxes = [good];
        runtime.Instead = async (method, context) =>
        {
            if (method != "GetContainerEvents")
                return false;
            await FakeRuntime.WriteAsync(context.Response, new ContainerEventResponse
            {
                ContainerId = good.Id,
                ContainerEventType = ContainerEventType.ContainerStartedEvent,
            });
            await Task.Delay(TimeSpan.FromSeconds(1));
            context.Abort();
            return true;
        };
        using var agent = new NodeAgent(node, node.Socket, "pods: { poll: 1s, events: true }\n");
        agent.WaitFor(p => p.OfPod(good.Metadata!.Uid).Count > 0, "the pod's name");
        agent.WaitFor(p => p.Failures("GetContainerEvents") >= 3, "three broken streams");
        runtime.Sandboxes = [good, late];
        agent.WaitFor(p => p.OfPod(late.Metadata!.Uid).Count > 0, "the name of a pod that came later");
        agent.Stop().ShouldBe(0);
    }

    [RequiresNodeFact]
    public async Task Events_are_asked_for_only_where_they_are_switched_on()
    {
        using var node = ContainerNode.StartBare();
        await using var runtime = await FakeRuntime.StartAsync(node.Socket);
        using var agent = new NodeAgent(node, node.Socket, Quick);
        agent.AfterPolls(3);
        // On containerd 1.7 a second listener takes events away from the kubelet.
        runtime.CallsOf("GetContainerEvents").ShouldBe(0);
    }

    [RequiresNodeFact]
    public async Task A_runtime_without_events_is_not_asked_for_them_all_the_time()
    {
        using var node = ContainerNode.StartBare();
        await using var runtime = await FakeRuntime.StartAsync(node.Socket);
        var good = Good(node);
        runtime.Sandboxes = [good];
        using var agent = new NodeAgent(node, node.Socket, "pods: { poll: 1s, events: true }\n");
        agent.WaitFor(p => p.Failures("GetContainerEvents") > 0, "the refusal");
        agent.AfterPolls(5);
        runtime.CallsOf("GetContainerEvents").ShouldBeInRange(1, 10);
        ShouldNameOnly(agent, good);
    }

    [RequiresNodeFact]
    public async Task Pods_have_names_also_where_containers_are_not_to_be_had()
    {
        using var node = ContainerNode.StartBare();
        await using var runtime = await FakeRuntime.StartAsync(node.Socket);
        var good = Good(node);
        runtime.Sandboxes = [good];
        runtime.Instead = (method, context) =>
        {
            if (method == "ListContainers")
                context.Abort();
            return Task.FromResult(method == "ListContainers");
        };
        using var agent = new NodeAgent(node, node.Socket, "pods: { poll: 1s, containers: true }\n");
        var page = agent.WaitFor(p => p.Failures("ListContainers") > 1, "calls that fail");
        page.Connected.ShouldBeTrue();
        agent.WaitFor(p => p.OfPod(good.Metadata!.Uid).Count > 0, "the pod's series");
    }

    [RequiresNodeFact]
    public async Task A_sandbox_without_metadata_is_refused()
    {
        using var node = ContainerNode.StartBare();
        await using var runtime = await FakeRuntime.StartAsync(node.Socket);
        var good = Good(node);
        var nameless = Good(node, "nameless");
        var half = Good(node, "half");
        runtime.Sandboxes =
        [
            nameless with { Metadata = null }, half with { Metadata = new PodSandboxMetadata { Uid = "x" } }, good,
        ];
        using var agent = new NodeAgent(node, node.Socket, Quick);
        ShouldNameOnly(agent, good).Rejected("no_metadata").ShouldBeGreaterThanOrEqualTo(2);
    }

    [RequiresNodeFact]
    public async Task Verbose_text_of_another_shape_is_refused()
    {
        using var node = ContainerNode.StartBare();
        await using var runtime = await FakeRuntime.StartAsync(node.Socket);
        var good = Good(node);
        string?[] texts =
        [
            "", "no JSON", "[1,2,3]", "{\"pid\":\"seven\",\"runtimeSpec\":7}", "{\"pid\":1e99}", "{\"pid\":-5}",
            "{\"runtimeSpec\":{\"linux\":{\"namespaces\":[{\"type\":\"network\",\"path\":[\"/\"]}]}}}",
            "{\"runtimeSpec\":{\"linux\":{\"namespaces\":[null,5,{\"type\":null}]}}}",
            "{\"runtimeSpec\":{\"linux\":{\"namespaces\":[{\"type\":\"network\",\"path\":\"/etc/passwd\"}]}}}",
            "{\"runtimeSpec\":{\"linux\":{\"namespaces\":[{\"type\":\"network\",\"path\":\"../../\\u0000\"}]}}}",
            new string('[', 100_000), "{}", null,
        ];
        runtime.Sandboxes =
        [
            .. texts.Select((text, n) => Gone($"strange-{n}") with { Info = text }), good,
        ];
        using var agent = new NodeAgent(node, node.Socket, Quick);
        ShouldNameOnly(agent, good).Rejected("bad_status").ShouldBeGreaterThan(0);
        agent.Stop().ShouldBe(0);
    }

    [RequiresNodeFact]
    public async Task A_process_that_is_gone_names_nothing()
    {
        using var node = ContainerNode.StartBare();
        await using var runtime = await FakeRuntime.StartAsync(node.Socket);
        var good = Good(node);
        runtime.Sandboxes = [Gone("gone"), good];
        using var agent = new NodeAgent(node, node.Socket, Quick);
        ShouldNameOnly(agent, good);
    }

    [RequiresNodeFact]
    public async Task A_namespace_that_two_pods_claim_has_one_name()
    {
        using var node = ContainerNode.StartBare();
        await using var runtime = await FakeRuntime.StartAsync(node.Socket);
        var good = Good(node);
        var thief = good with { Id = new string('f', 64), Metadata = Gone("thief").Metadata };
        runtime.Sandboxes = [good, thief, good];
        using var agent = new NodeAgent(node, node.Socket, Quick);
        agent.WaitFor(p => p.Pods.Count > 0, "a name");
        var page = agent.AfterPolls(2);
        page.Pods.Count.ShouldBe(1);
        page.Sum("netlens_prometheus_duplicates_total").ShouldBe(0);
        page.Rejected("duplicate").ShouldBeGreaterThan(0);
    }

    [RequiresNodeFact]
    public async Task Absurd_labels_and_names_do_not_reach_the_page()
    {
        using var node = ContainerNode.StartBare();
        await using var runtime = await FakeRuntime.StartAsync(node.Socket);
        var good = Good(node);
        string[] labels = [new string('x', 65536), "two\nlines", "a\"quote\\", "\0\u0001", FakeRuntime.NotText];
        var labelled = labels.Select((label, n) => Good(node, $"labelled-{n}") with
        {
            Labels = new Dictionary<string, string> { ["app"] = label, [label] = "x" },
        });
        string[] names = [new string('y', 65536), "two\nlines", "a\"quote\\", FakeRuntime.NotText];
        var named = names.Select((name, n) => Good(node, $"named-{n}") with
        {
            Metadata = new PodSandboxMetadata { Namespace = name, Name = name, Uid = name },
        });
        runtime.Sandboxes = [.. labelled, .. named, good];
        using var agent = new NodeAgent(node, node.Socket, "pods: { poll: 1s, labels: [app] }\n");
        agent.WaitFor(p => p.OfPod(good.Metadata!.Uid).Count > 0, "the name of the good one");
        var page = agent.AfterPolls(2);
        // The page's reader fails on a line that is not whole.
        page.Samples.ShouldAllBe(s => s.Labels.Values.All(v => v.Length <= LongestLabel && !v.Any(char.IsControl)));
        page.Text.Length.ShouldBeLessThan(4 * 1024 * 1024);
        page.Rejected("label").ShouldBeGreaterThan(0);
        agent.Stop().ShouldBe(0);
    }

    [RequiresNodeFact]
    public async Task A_thousand_sandboxes_are_named_and_asked_for_once()
    {
        const int Count = 1000;
        using var node = ContainerNode.StartBare();
        await using var runtime = await FakeRuntime.StartAsync(node.Socket);
        node.Run("sh", "-c", $"for i in $(seq {Count}); do ip netns add p$i; done");
        using var agent = new NodeAgent(
            node, node.Socket, "pods: { poll: 1s }\n", ("NETLENS_PROBES", "-all,ip,pods"));
        var before = agent.Cost();
        runtime.Sandboxes =
        [
            .. Enumerable.Range(1, Count).Select(i => FakeSandbox.Of("bulk", $"p{i}", $"/var/run/netns/p{i}", 0)),
        ];
        var clock = System.Diagnostics.Stopwatch.StartNew();
        agent.WaitFor(p => p.Value("netlens_pods_identities") == Count, "a thousand names");
        var took = clock.Elapsed;
        agent.FreshPage().Pods.Count.ShouldBe(Count);
        NodeAgent.ListPods(node).Count.ShouldBe(Count);

        agent.AfterPolls(1);
        var asked = runtime.CallsOf("PodSandboxStatus");
        var start = agent.Cost();
        clock.Restart();
        agent.AfterPolls(5);
        var cost = agent.Cost();
        runtime.CallsOf("PodSandboxStatus").ShouldBe(asked, "what a ready sandbox says does not change");
        output.WriteLine(
            $"{Count} sandboxes named after {took.TotalSeconds:F1} s, "
            + $"{(cost.Memory - before.Memory) / 1048576:F1} MiB, then "
            + $"{(cost.Cpu - start.Cpu) / clock.Elapsed.TotalSeconds:P1} of a processor with their collection");
        runtime.Sandboxes = [];
        agent.WaitFor(p => p.Value("netlens_pods_identities") == 0, "none left");
        // Their last figures are still theirs.
        agent.FreshPage().Pods.Count.ShouldBe(Count);
        node.Run("sh", "-c", $"for i in $(seq {Count}); do ip netns del p$i; done");
        // Not before every reader has had time for these.
        agent.WaitFor(p => p.Pods.Count == 0, "no namespace left");
    }

    private static void ShouldGoOnWithout(NodeAgent agent)
    {
        agent.WaitFor(p => p.Failures() > 0, "a failure");
        // Each is of a collection that began after the one before.
        agent.FreshPage();
        var page = agent.FreshPage();
        page.Connected.ShouldBeFalse();
        page.Pods.ShouldBeEmpty();
        page.Samples.ShouldContain(s => s.Name == "netlens_ip_out_discards_total");
    }

    /// <summary>A page, some polls later, on which nobody but this pod has a name.</summary>
    private static Page ShouldNameOnly(NodeAgent agent, FakeSandbox good)
    {
        agent.WaitFor(p => p.OfPod(good.Metadata!.Uid).Count > 0, "the name of the good one");
        var page = agent.AfterPolls(2);
        page.Pods.ShouldBe([$"{good.Metadata!.Namespace}/{good.Metadata.Name}"]);
        page.Connected.ShouldBeTrue();
        return page;
    }

    /// <summary>A sandbox with a real network namespace and process.</summary>
    private static FakeSandbox Good(ContainerNode node, string name = "good")
    {
        node.Run("ip", "netns", "add", name);
        var pid = node.Run("sh", "-c", $"ip netns exec {name} sleep 1000000 >/dev/null 2>&1 & echo $!");
        return FakeSandbox.Of("shop", name, $"/var/run/netns/{name}", int.Parse(pid.Trim()));
    }

    private static FakeSandbox Gone(string name) => FakeSandbox.Of("shop", name, "/var/run/netns/cni-gone", 4_000_000);

    /// <summary>Accepts connections, does one thing with each, and keeps them open.</summary>
    private sealed class RawServer : IDisposable
    {
        private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        private readonly List<Socket> _connections = [];
        private readonly Thread _thread;

        public RawServer(string path, Action<Socket> answer)
        {
            _listener.Bind(new UnixDomainSocketEndPoint(path));
            _listener.Listen();
            _thread = new Thread(() => Accept(answer));
            _thread.Start();
        }

        public int Connections
        {
            get
            {
                lock (_connections)
                    return _connections.Count;
            }
        }

        public void Dispose()
        {
            _listener.Dispose();
            _thread.Join();
            _connections.ForEach(c => c.Dispose());
        }

        private void Accept(Action<Socket> answer)
        {
            try
            {
                while (true)
                {
                    var connection = _listener.Accept();
                    lock (_connections)
                        _connections.Add(connection);
                    Answer(connection, answer);
                }
            }
            catch (SocketException)
            {
                // Disposed.
            }
        }

        private static void Answer(Socket connection, Action<Socket> answer)
        {
            try
            {
                answer(connection);
            }
            catch (SocketException)
            {
                // The client did not wait.
            }
        }
    }
}

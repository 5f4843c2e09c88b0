using Collector.Linux.Pods;
using Collector.Linux.Pods.Cri;
using Collector.Linux.Tests.Probes;
using Google.Protobuf;

namespace Fuzz.Tests.Targets;

/// <summary>The container runtime's answers. The first byte of an input says to which question.</summary>
internal static class CriTargets
{
    public static FuzzTarget Answers { get; } = FuzzTarget.Of("cri", Seeds, static input =>
    {
        if (input.Length == 0)
            return;
        try
        {
            Read(input[0] % 4, input[1..]);
        }
        catch (InvalidProtocolBufferException)
        {
            // What the client says of bytes that are no message.
        }
    }, "{\"pid\":", "\"runtimeSpec\":{", "\"namespaces\":[", "\"path\":\"/..", "\x0a", "\x12", "\"\\ud800\"");

    private static void Read(int question, byte[] answer)
    {
        switch (question)
        {
            case 0:
                var labels = new PodLabels(["app"], static _ => { });
                foreach (var pod in ListPodSandboxResponse.Parser.ParseFrom(answer).Items)
                    labels.NamesOf(pod)?.PodName?.Length.ShouldBeLessThanOrEqualTo(253);
                break;
            case 1:
                _ = SandboxDetails.Of(PodSandboxStatusResponse.Parser.ParseFrom(answer)).IsEnough;
                break;
            case 2:
                SandboxDetails.PidOf(ContainerStatusResponse.Parser.ParseFrom(answer)).ShouldBeGreaterThanOrEqualTo(0);
                break;
            default:
                ContainerEventResponse.Parser.ParseFrom(answer);
                break;
        }
    }

    // The verbose part is as runtimes gave it.
    private static IReadOnlyList<byte[]> Seeds()
    {
        var list = new ListPodSandboxResponse
        {
            Items =
            {
                new PodSandbox
                {
                    Id = ByteString.CopyFromUtf8("0123456789abcdef"),
                    CreatedAt = 1_700_000_000_000_000_000,
                    Metadata = new PodSandboxMetadata
                    {
                        Name = ByteString.CopyFromUtf8("web-0"), Namespace = ByteString.CopyFromUtf8("shop"),
                        Uid = ByteString.CopyFromUtf8("1b3a6a5c-0b4e-4b8c-8a9d-0a1b2c3d4e5f"), Attempt = 1,
                    },
                    Labels =
                    {
                        new Label { Key = ByteString.CopyFromUtf8("app"), Value = ByteString.CopyFromUtf8("web") },
                    },
                },
            },
        };
        var seeds = new List<byte[]> { (byte[])[0, .. list.ToByteArray()], (byte[])[3, .. list.ToByteArray()] };
        foreach (var file in Directory.EnumerateFiles(Path.Combine(FileProbeRun.Fixtures, "cri")).Order())
        {
            var text = File.ReadAllText(file);
            var status = new PodSandboxStatusResponse
            {
                Status = new PodSandboxStatus { Network = new PodSandboxNetworkStatus { Ip = "10.0.0.1" } },
                Info = { ["info"] = text },
            };
            seeds.Add([1, .. status.ToByteArray()]);
            seeds.Add([2, .. new ContainerStatusResponse { Info = { ["info"] = text } }.ToByteArray()]);
        }
        return seeds;
    }
}

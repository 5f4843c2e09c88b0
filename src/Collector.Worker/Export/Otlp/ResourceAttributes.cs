using System.Security.Cryptography;
using System.Text;
using Collector.Core.Metrics;
using Collector.Worker.Configuration;
using OpenTelemetry.Resources;

namespace Collector.Worker.Export.Otlp;

/// <summary>
/// Who sends: the one resource that our encoder and the OpenTelemetry SDK both put on everything, so that metrics, logs
/// and self-telemetry of an agent belong together.
/// </summary>
public sealed class ResourceAttributes : IEquatable<ResourceAttributes>
{
    /// <summary>
    /// The namespace that the semantic conventions prescribe for a service.instance.id made from an id of the machine
    /// (registry/attributes/service.md).
    /// </summary>
    private static readonly Guid InstanceIdNamespace = new("4d63009a-8d0f-11ee-aad7-4c796ed8e320");

    private const string Instance = "service.instance.id";

    private readonly List<KeyValuePair<string, string>> _items = [];

    private ResourceAttributes()
    {
    }

    public IReadOnlyList<KeyValuePair<string, string>> Items => _items;

    /// <summary>
    /// Puts the resource together. Later sources win: the machine, the configuration's resource section,
    /// OTEL_RESOURCE_ATTRIBUTES, OTEL_SERVICE_NAME. An attribute set to nothing is left out.
    /// </summary>
    /// <param name="settings">Gives the variables.</param>
    /// <param name="options">Gives the file's part.</param>
    /// <param name="host">The machine.</param>
    /// <param name="version">service.version.</param>
    /// <param name="environment">Gives the node's name where the file does not.</param>
    public static ResourceAttributes Build(
        OtlpSettings settings, ResourceOptions options, HostFacts host, string version,
        Func<string, string?> environment)
    {
        var node = NodeName.Given(options, environment);
        var resource = new ResourceAttributes();
        resource.Set("service.name", "netlens");
        resource.Set("service.version", version);
        resource.Set(Instance, InstanceIdOf(host, node));
        resource.Set("host.name", host.HostName);
        resource.Set("host.id", host.MachineId);
        resource.Set("host.arch", host.Architecture);
        resource.Set("os.type", host.OsType);
        resource.Set("os.name", host.OsName);
        resource.Set("os.version", host.OsVersion);
        resource.Set("os.description", host.OsDescription);
        resource.Set("k8s.node.name", node);
        foreach (var (key, value) in options.Attributes)
            resource.Set(key, value);
        foreach (var (key, value) in settings.ResourceAttributes)
            resource.Set(key, value);
        if (settings.ServiceName is not null)
            resource.Set("service.name", settings.ServiceName);
        return resource;
    }

    /// <summary>Which agent it is: <c>service.instance.id</c>.</summary>
    public string InstanceId => _items.Find(static i => i.Key == Instance).Value ?? "";

    public bool Equals(ResourceAttributes? other) => other is not null && _items.SequenceEqual(other._items);

    public override bool Equals(object? obj) => Equals(obj as ResourceAttributes);

    public override int GetHashCode() => _items.Count;

    /// <summary>The same attributes for a provider of the SDK, and nothing else.</summary>
    public ResourceBuilder ToResourceBuilder() =>
        ResourceBuilder.CreateEmpty()
            .AddAttributes(_items.Select(i => new KeyValuePair<string, object>(i.Key, i.Value)));

    /// <summary>The body of a Resource message.</summary>
    internal byte[] Encode()
    {
        var buffer = new ProtoBuffer();
        foreach (var (key, value) in _items)
            EncodedAttributes.Write(buffer, OtlpFields.ResourceAttributes, new Tag(key, value));
        return buffer.Written.ToArray();
    }

    private void Set(string key, string? value)
    {
        var at = _items.FindIndex(i => i.Key == key);
        if (at >= 0)
            _items.RemoveAt(at);
        if (!string.IsNullOrEmpty(value))
            _items.Add(new(key, value));
    }

    /// <summary>
    /// Stable for as long as the node is: a version 5 UUID (RFC 9562, section 5.5) of machine id and node name. Both,
    /// because cloned disk images share the first.
    /// </summary>
    private static string InstanceIdOf(HostFacts host, string? node)
    {
        var name = Encoding.UTF8.GetBytes($"netlens/{host.MachineId}/{node ?? host.HostName}");
        var hash = Sha1([.. InstanceIdNamespace.ToByteArray(bigEndian: true), .. name]).AsSpan(0, 16);
        hash[6] = (byte)((hash[6] & 0x0F) | 0x50);
        hash[8] = (byte)((hash[8] & 0x3F) | 0x80);
        return new Guid(hash, bigEndian: true).ToString();
    }

#pragma warning disable CA5350 // version 5 UUIDs are SHA-1 by definition; nothing secret depends on it
    private static byte[] Sha1(byte[] bytes) => SHA1.HashData(bytes);
#pragma warning restore CA5350
}

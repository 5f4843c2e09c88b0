using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Collector.Core.Subjects;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.Netlink;
using Collector.Linux.Namespaces;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Sources;

/// <summary>
/// The devices of one namespace with their counters, read once per collection for all probes.
/// </summary>
/// <remarks>
/// Names, kinds and state are asked for (RTM_GETLINK) only after the kernel has told of a change, or the socket had no
/// room for what it told; else the counters alone (RTM_GETSTATS, Linux 4.7), if they are of the devices that are
/// known. What a device that is down changes is not told (a carrier that comes and goes, net/core/link_watch.c): so
/// all is asked for about once a minute, too. RTEXT_FILTER_SKIP_STATS leaves out the IPv6 SNMP tables, a quarter of
/// the bytes. One thing no answer has, and it is heard as well: the counters with which a device came
/// (dev_change_net_namespace, net/core/dev.c, tells the namespace that it enters).
/// <para>
/// Of a namespace that any user can make only so many devices are kept, and one that has very many is not read every
/// time (<see cref="DumpPause"/>). Who is kept is kept until it is gone.
/// </para>
/// </remarks>
public sealed class LinkTable : NamespaceSource, INetlinkSink, INetlinkNews
{
    private const int Most = 16 * 1024;
    private const int MostOfRootless = 256;

    private readonly Dictionary<int, Link> _byIndex = [];
    private readonly List<Link> _links = [];
    private readonly Dictionary<int, long[]> _arrivals = [];
    private readonly LinkCounters _counters;
    private DumpPause _pause;
    private long _pass;
    private long _readAll;
    private int _most = MostOfRootless;
    private bool _missed;
    private bool _readBefore;
    private bool _changed = true;

    public LinkTable()
    {
        _counters = new LinkCounters(this);
        Channel.Join(this, Rtnl.RTNLGRP_LINK, Rtnl.RTNLGRP_TC);
    }

    /// <summary>The devices, in the kernel's order. Valid until the next collection.</summary>
    public ReadOnlySpan<Link> Links => CollectionsMarshal.AsSpan(_links);

    /// <summary>Devices that were not kept.</summary>
    public int LeftOut { get; private set; }

    /// <summary>Another number after anything that can have changed a device or a qdisc.</summary>
    internal long Version { get; private set; }

    /// <summary>
    /// Another number after devices were asked for with all that is known of them: until then only counters change.
    /// </summary>
    internal long Pass => _pass;

    /// <summary>For further rtnetlink requests in this namespace.</summary>
    internal NetlinkChannel Channel { get; } = new(NetlinkFamily.Route);

    /// <summary>How many of one namespace's devices are kept, and how many of its qdiscs.</summary>
    internal static int MostOf(NetNamespace ns) => ns.Rootless ? MostOfRootless : Most;

    public Link? Find(int index) => _byIndex.GetValueOrDefault(index);

    protected override bool Read(NamespaceHandle handle)
    {
        if (!_pause.TakeTurn())
            return true;
        if ((IsDue(handle.Namespace) || !ReadCounters(handle)) && !ReadAll(handle))
            return false;
        _pause.Begin(handle.Namespace.Rootless ? _links.Count + LeftOut : 0);
        return true;
    }

    // Not all namespaces at once.
    private bool IsDue(NetNamespace ns) =>
        _changed || !Channel.Hears || _counters.Refused
        || Stopwatch.GetElapsedTime(_readAll).TotalSeconds > 45 + (ns.Inode % 32);

    // What is told while the answer is read is the reason to ask for all.
    private bool ReadCounters(NamespaceHandle handle) => _counters.Read(handle) && !_changed;

    private bool ReadAll(NamespaceHandle handle)
    {
        Version++;
        _readAll = Stopwatch.GetTimestamp();
        _most = MostOf(handle.Namespace);
        Span<byte> request = stackalloc byte[Unsafe.SizeOf<nlmsghdr>() + Unsafe.SizeOf<ifinfomsg>() + 8];
        request.Clear();
        // NETLINK_GET_STRICT_CHK wants every field of ifinfomsg to be 0.
        var attribute = request[^8..];
        MemoryMarshal.Write(attribute, new nlattr { nla_len = 8, nla_type = Rtnl.IFLA_EXT_MASK });
        MemoryMarshal.Write(attribute[4..], Rtnl.RTEXT_FILTER_SKIP_STATS);
        if (Channel.Ask(handle, Rtnl.RTM_GETLINK, Rtnl.NLM_F_DUMP, request, this))
        {
            RemoveUnseen();
            _readBefore = true;
            _missed = false;
            return true;
        }
        _changed = true;
        Failure = Channel.Failure;
        return false;
    }

    void INetlinkSink.Begin()
    {
        // What was told until now is in the answer.
        _changed = false;
        _pass++;
        _links.Clear();
        LeftOut = 0;
    }

    bool INetlinkSink.Take(in NetlinkMessage message)
    {
        if (!LinkMessage.TryParse(message, out var parsed))
            return false;
        if (_byIndex.Count >= _most && !_byIndex.ContainsKey(parsed.Index))
        {
            LeftOut++;
            _arrivals.Remove(parsed.Index);
            return true;
        }
        ref var link = ref CollectionsMarshal.GetValueRefOrAddDefault(_byIndex, parsed.Index, out _);
        link ??= Arrived(parsed.Index);
        link.Update(ref parsed);
        // A dump that was continued after a change may show a device twice.
        if (link.Pass != _pass)
            _links.Add(link);
        link.Pass = _pass;
        return true;
    }

    // A device that was there when listening began has no arrival; one whose arrival was missed came with nobody
    // knows what.
    private Link Arrived(int index)
    {
        _arrivals.Remove(index, out var past);
        return new Link(index) { Past = past, PastIsUnknown = past is null && _readBefore && _missed };
    }

    void INetlinkNews.Miss()
    {
        _missed = true;
        Change();
    }

    private void Change()
    {
        _changed = true;
        Version++;
    }

    void INetlinkNews.Hear(in NetlinkMessage message)
    {
        if (message.Type is Rtnl.RTM_NEWQDISC or Rtnl.RTM_DELQDISC)
            Version++;
        else if (message.Type is Rtnl.RTM_NEWLINK or Rtnl.RTM_DELLINK)
            HearOfLink(message);
    }

    private void HearOfLink(in NetlinkMessage message)
    {
        // Bridges tell of their ports in the same group and in the same words, but for the family.
        if (!message.TryRead<ifinfomsg>(out var header, out _) || header.ifi_family != AF_UNSPEC)
            return;
        Change();
        if (message.Type == Rtnl.RTM_DELLINK)
        {
            _byIndex.Remove(header.ifi_index);
            _arrivals.Remove(header.ifi_index);
        }
        else if (_arrivals.Count >= _most)
        {
            _missed = true;
        }
        else if (!_byIndex.ContainsKey(header.ifi_index) && !_arrivals.ContainsKey(header.ifi_index)
            && LinkMessage.TryParse(message, out var link) && link.Statistics.Length > 0)
        {
            _arrivals.Add(header.ifi_index, Link.StatisticsOf(link));
        }
    }

    private void RemoveUnseen()
    {
        if (_byIndex.Count == _links.Count)
            return;
        foreach (var (index, link) in _byIndex)
        {
            if (link.Pass != _pass)
                _byIndex.Remove(index);
        }
    }

    protected override void Dispose(bool disposing)
    {
        Channel.Dispose();
        base.Dispose(disposing);
    }
}

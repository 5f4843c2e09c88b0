using System.Buffers.Binary;
using Collector.Linux.Interop;

namespace Collector.Linux.Kernel.Netlink;

/// <summary>One way of a tracked connection; addresses as in <see cref="SocketMessage.LocalAddress"/>.</summary>
internal struct ConntrackTuple
{
    public UInt128 Source;
    public UInt128 Destination;
    public ushort SourcePort;
    public ushort DestinationPort;
    public byte Protocol;
}

/// <summary>An entry of connection tracking (ctnetlink_fill_info, net/netfilter/nf_conntrack_netlink.c).</summary>
internal struct ConntrackEntry
{
    public const ushort Type = Ctnetlink.NFNL_SUBSYS_CTNETLINK << 8 | Ctnetlink.IPCTNL_MSG_CT_NEW;

    /// <summary>As whoever began it sends.</summary>
    public ConntrackTuple Original;

    /// <summary>As the answers come.</summary>
    public ConntrackTuple Reply;

    /// <summary>IPS_*.</summary>
    public uint Status;

    /// <summary>enum tcp_conntrack; 0 for none.</summary>
    public byte TcpState;

    /// <summary>The node gave it another source.</summary>
    public readonly bool IsTranslated => (Status & Ctnetlink.IPS_SRC_NAT) != 0;

    /// <summary>False for a message that is none, or cut short.</summary>
    public static bool TryParse(scoped in NetlinkMessage message, out ConntrackEntry entry)
    {
        entry = default;
        if (message.Type != Type || !message.TryRead<nfgenmsg>(out _, out var rest))
            return false;
        var good = true;
        var attributes = new NetlinkAttributes(rest);
        while (attributes.MoveNext(out var attribute, out var value))
        {
            good &= attribute switch
            {
                Ctnetlink.CTA_TUPLE_ORIG => TryTuple(value, ref entry.Original),
                Ctnetlink.CTA_TUPLE_REPLY => TryTuple(value, ref entry.Reply),
                Ctnetlink.CTA_STATUS => NetlinkAttributes.TryUInt32BigEndian(value, out entry.Status),
                Ctnetlink.CTA_PROTOINFO => TryProtocol(value, ref entry),
                _ => true,
            };
        }
        return good && !attributes.Malformed;
    }

    private static bool TryTuple(ReadOnlySpan<byte> nested, ref ConntrackTuple tuple)
    {
        var good = true;
        var attributes = new NetlinkAttributes(nested);
        while (attributes.MoveNext(out var attribute, out var value))
        {
            if (attribute == Ctnetlink.CTA_TUPLE_IP)
                good &= TryAddresses(value, ref tuple);
            else if (attribute == Ctnetlink.CTA_TUPLE_PROTO)
                good &= TryPorts(value, ref tuple);
        }
        return good && !attributes.Malformed;
    }

    private static bool TryAddresses(ReadOnlySpan<byte> nested, ref ConntrackTuple tuple)
    {
        var good = true;
        var attributes = new NetlinkAttributes(nested);
        while (attributes.MoveNext(out var attribute, out var value))
        {
            good &= attribute switch
            {
                Ctnetlink.CTA_IP_V4_SRC => TryIPv4(value, out tuple.Source),
                Ctnetlink.CTA_IP_V4_DST => TryIPv4(value, out tuple.Destination),
                Ctnetlink.CTA_IP_V6_SRC => BinaryPrimitives.TryReadUInt128BigEndian(value, out tuple.Source),
                Ctnetlink.CTA_IP_V6_DST => BinaryPrimitives.TryReadUInt128BigEndian(value, out tuple.Destination),
                _ => true,
            };
        }
        return good && !attributes.Malformed;
    }

    private static bool TryIPv4(ReadOnlySpan<byte> value, out UInt128 address)
    {
        var good = BinaryPrimitives.TryReadUInt32BigEndian(value, out var number);
        address = SocketMessage.Mapped(number);
        return good;
    }

    private static bool TryPorts(ReadOnlySpan<byte> nested, ref ConntrackTuple tuple)
    {
        var good = true;
        var attributes = new NetlinkAttributes(nested);
        while (attributes.MoveNext(out var attribute, out var value))
        {
            switch (attribute)
            {
                case Ctnetlink.CTA_PROTO_NUM:
                    good &= value.Length > 0;
                    tuple.Protocol = value.IsEmpty ? (byte)0 : value[0];
                    break;
                case Ctnetlink.CTA_PROTO_SRC_PORT:
                    good &= BinaryPrimitives.TryReadUInt16BigEndian(value, out tuple.SourcePort);
                    break;
                case Ctnetlink.CTA_PROTO_DST_PORT:
                    good &= BinaryPrimitives.TryReadUInt16BigEndian(value, out tuple.DestinationPort);
                    break;
            }
        }
        return good && !attributes.Malformed;
    }

    private static bool TryProtocol(ReadOnlySpan<byte> nested, ref ConntrackEntry entry)
    {
        var attributes = new NetlinkAttributes(nested);
        while (attributes.MoveNext(out var attribute, out var value))
        {
            if (attribute != Ctnetlink.CTA_PROTOINFO_TCP)
                continue;
            var tcp = new NetlinkAttributes(value);
            while (tcp.MoveNext(out var field, out var state))
            {
                if (field == Ctnetlink.CTA_PROTOINFO_TCP_STATE && !state.IsEmpty)
                    entry.TcpState = state[0];
            }
            if (tcp.Malformed)
                return false;
        }
        return !attributes.Malformed;
    }
}

using System.Text;
using Collector.Linux.Kernel;
using Google.Protobuf;
using Google.Protobuf.Collections;

namespace Collector.Linux.Pods.Cri;

/// <summary>Texts that came as bytes (cri.proto says why).</summary>
internal static class CriText
{
    /// <summary>Bytes that are not UTF-8 become replacement characters.</summary>
    public static string Text(this ByteString bytes) => NamePool.Of(bytes.Span);

    /// <summary>A label's value; empty where there is none. Of two of one key the last counts, as in a map.</summary>
    public static string ValueOf(this RepeatedField<Label> labels, string key)
    {
        for (var i = labels.Count - 1; i >= 0; i--)
        {
            if (Ascii.Equals(labels[i].Key.Span, key))
                return labels[i].Value.Text();
        }
        return "";
    }
}

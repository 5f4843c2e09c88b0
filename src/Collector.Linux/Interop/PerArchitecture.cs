using System.Runtime.InteropServices;

namespace Collector.Linux.Interop;

/// <summary>A value of the C headers that x86-64 and arm64 do not share.</summary>
internal readonly record struct PerArchitecture(int X64, int Arm64)
{
    public static implicit operator int(PerArchitecture value) =>
        RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? value.Arm64 : value.X64;
}

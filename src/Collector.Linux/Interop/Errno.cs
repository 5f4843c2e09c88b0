using System.Globalization;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Interop;

/// <summary>Why a system call failed: a number of Tmds.LibC. As text it is the name that C gives it.</summary>
public readonly record struct Errno(int Number)
{
    /// <summary>It did not fail.</summary>
    public static Errno None => default;

    /// <summary>Whether it is one of these numbers.</summary>
    public bool IsAny(params ReadOnlySpan<int> numbers) => numbers.Contains(Number);

    public override string ToString() =>
        Names.GetValueOrDefault(Number) ?? Number.ToString(CultureInfo.InvariantCulture);

    public static implicit operator Errno(int number) => new(number);

    /// <summary>Names of those that messages and labels have; others stay numbers.</summary>
    internal static IReadOnlyDictionary<int, string> Names { get; } = new Dictionary<int, string>
    {
        [0] = nameof(None),
        [EPERM] = nameof(EPERM),
        [ENOENT] = nameof(ENOENT),
        [ESRCH] = nameof(ESRCH),
        [EINTR] = nameof(EINTR),
        [EIO] = nameof(EIO),
        [ENXIO] = nameof(ENXIO),
        [E2BIG] = nameof(E2BIG),
        [EBADF] = nameof(EBADF),
        [EAGAIN] = nameof(EAGAIN),
        [ENOMEM] = nameof(ENOMEM),
        [EACCES] = nameof(EACCES),
        [EFAULT] = nameof(EFAULT),
        [EBUSY] = nameof(EBUSY),
        [EEXIST] = nameof(EEXIST),
        [ENODEV] = nameof(ENODEV),
        [ENOTDIR] = nameof(ENOTDIR),
        [EINVAL] = nameof(EINVAL),
        [ENFILE] = nameof(ENFILE),
        [EMFILE] = nameof(EMFILE),
        [ENOSPC] = nameof(ENOSPC),
        [ENOSYS] = nameof(ENOSYS),
        [ENODATA] = nameof(ENODATA),
        [EPROTONOSUPPORT] = nameof(EPROTONOSUPPORT),
        [EOPNOTSUPP] = nameof(EOPNOTSUPP),
        [EAFNOSUPPORT] = nameof(EAFNOSUPPORT),
        [ENOBUFS] = nameof(ENOBUFS),
        [EHOSTDOWN] = nameof(EHOSTDOWN),
        [EHOSTUNREACH] = nameof(EHOSTUNREACH),
        [ENETUNREACH] = nameof(ENETUNREACH),
        [ECONNABORTED] = nameof(ECONNABORTED),
        [ECONNREFUSED] = nameof(ECONNREFUSED),
        [ECONNRESET] = nameof(ECONNRESET),
        [ENOPROTOOPT] = nameof(ENOPROTOOPT),
        [ENONET] = nameof(ENONET),
        [ETIMEDOUT] = nameof(ETIMEDOUT),
        [ESTALE] = nameof(ESTALE),
    };
}

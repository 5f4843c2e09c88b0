namespace Collector.Linux; internal static class Placeholder;

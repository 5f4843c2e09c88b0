using Collector.Core.Compatibility;
using Collector.Core.Subjects;
using Collector.Worker.Configuration;

namespace Collector.Worker.Export.Series;

/// <summary>How a naming of metrics says what they are about.</summary>
internal static class SubjectNamings
{
    public static SubjectNaming Of(MetricNaming naming) => naming switch
    {
        MetricNaming.KubeSkoop => LegacySubjects.KubeSkoop,
        MetricNaming.Inspector => LegacySubjects.Inspector,
        _ => SubjectNaming.Otel,
    };
}

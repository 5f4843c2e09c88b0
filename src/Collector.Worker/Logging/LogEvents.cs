namespace Collector.Worker.Logging;

/// <summary>
/// The number of every log line that the agent writes, by which a backend may filter: unique, never changed and never
/// given to another line.
/// </summary>
internal static class LogEvents
{
    // Service manager. 1 was that of a socket's address that is none.
    public const int NotifyFailed = 2;
    public const int WatchdogNotFed = 10;
    public const int HealthCheckFailed = 11;

    // Collection.
    public const int ProbeFailed = 100;
    public const int ProbeUnavailable = 101;
    public const int ProbeRecovered = 102;
    public const int ReadFailed = 103;
    public const int FirstSnapshot = 104;
    public const int Overrun = 105;
    public const int CollectionEnded = 106;
    public const int NamespacesUnreadable = 107;
    public const int Ebpf = 108;
    public const int PodsFound = 109;
    public const int PodsTrouble = 110;
    public const int EventsEnded = 111;
    public const int Halted = 112;
    public const int LeftOut = 113;
    public const int PartChosen = 114;
    public const int PartRefused = 115;
    public const int PartFellBack = 116;
    public const int OverBudget = 117;
    public const int BudgetExhausted = 118;
    public const int BudgetUnknown = 119;
    public const int RuleBroken = 120;

    // Reload.
    public const int Reloaded = 200;
    public const int ReloadRefused = 201;
    public const int RestartNeeded = 202;
    public const int Stopped = 203;
    public const int ReloadFailed = 204;
    public const int ReloadRemark = 205;

    // Event outlets.
    public const int OutletFault = 300;
    public const int EventsUndelivered = 301;
    public const int EventsNotWritten = 302;
    public const int EventsWrittenAgain = 303;
    public const int EventsNotSent = 304;
    public const int EventsSentAgain = 305;
    public const int EventsHalved = 306;
    public const int EventsGo = 307;
    public const int EventsRemoteAway = 330;
    public const int EventsRemoteBack = 331;
    public const int EventsRefused = 332;
    public const int SpoolBroken = 333;
    public const int SpoolWorks = 334;
    public const int SpoolFound = 335;
    public const int SpoolLost = 336;
    public const int EventTooLarge = 308;
    public const int SpansNameless = 309;

    // HTTP server.
    public const int Listening = 400;
    public const int ListeningToOthers = 401;
    public const int Crowded = 402;
    public const int NoSocket = 403;
    public const int TokenUnreadable = 404;
    public const int TokenRenewed = 405;
    public const int CertificateKept = 406;
    public const int CertificateRenewed = 407;
    public const int CertificateOutOfTime = 408;

    // Recorder.
    public const int RecordKept = 500;
    public const int RecordNotKept = 501;
    public const int RecordRefused = 502;

    // Metrics over OTLP.
    public const int OtlpStarted = 2000;
    public const int OtlpFailed = 2001;
    public const int OtlpRejected = 2002;
    public const int OtlpRecovered = 2003;
    public const int OtlpRemark = 2004;
    public const int OtlpSplit = 2005;
    public const int CertificatesFollowed = 2006;
    public const int CertificatesUseless = 2007;
}

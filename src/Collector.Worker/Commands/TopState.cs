using System.Text;
using System.Text.Json;

namespace Collector.Worker.Commands;

/// <summary>Where in a recording it is.</summary>
/// <param name="Place">From 0, the oldest collection.</param>
/// <param name="Count">Collections that there are.</param>
internal sealed record TopMoment(int Place, int Count);

/// <summary>A page that a key has opened: all that is known of one thing.</summary>
/// <param name="Tab">The tab of its row; null: of a pod.</param>
/// <param name="Key">Of the row.</param>
/// <param name="Subject">The pod or namespace it is about; "" of none.</param>
/// <param name="Source">What it shows once the row has gone.</param>
internal sealed record TopPage(TopTab? Tab, string Key, string Subject, TopRow? Source)
{
    /// <summary>The first line that is seen.</summary>
    public int From { get; set; }

    /// <summary>Whether there is a pod to go on to.</summary>
    public bool LeadsOn => Tab is not null && Subject.Length > 0;
}

/// <summary>What a key asks for beyond what it changes on the screen.</summary>
/// <param name="Quit">The end.</param>
/// <param name="Steps">So many collections on in a recording, or back.</param>
internal readonly record struct TopWish(bool Quit = false, int Steps = 0);

/// <summary>All that <c>netlens top</c> shows, and what keys do to it. It knows no terminal and no agent.</summary>
internal sealed class TopState
{
    private const int LongestFilter = 64;
    private const int LongStep = 10;

    private readonly Dictionary<TopTab, Sorting> _sortings =
        TopTables.All.ToDictionary(static t => t.Tab, static _ => new Sorting(null, false));

    private readonly Dictionary<TopTab, Place> _places =
        TopTables.All.ToDictionary(static t => t.Tab, static _ => new Place());

    private readonly Dictionary<string, JsonElement> _documents = [];
    private readonly Stack<TopPage> _pages = [];
    private List<TopRow>? _rows;
    private int _helpFrom;

    public TopTab Tab { get; private set; }

    public TopTable Table => TopTables.All[(int)Tab];

    public string Filter { get; private set; } = "";

    /// <summary>Letters go into the filter.</summary>
    public bool IsFiltering { get; private set; }

    public bool IsHelp { get; private set; }

    /// <summary>The page in front; null: the table is.</summary>
    public TopPage? Page => _pages.TryPeek(out var page) ? page : null;

    /// <summary>The first line that is seen of the page in front, or the help.</summary>
    public int From
    {
        get => IsHelp ? _helpFrom : Page?.From ?? 0;
        set
        {
            if (IsHelp)
                _helpFrom = value;
            else if (Page is { } page)
                page.From = value;
        }
    }

    /// <summary>What is wrong with the agent; "" nothing.</summary>
    public string Problem { get; set; } = "";

    /// <summary>Seconds since the documents came.</summary>
    public double Waited { get; set; }

    /// <summary>Null: not a recording but now.</summary>
    public TopMoment? Moment { get; set; }

    public int? SortColumn => _sortings[Tab].Column;

    public bool IsReverse => _sortings[Tab].Reverse;

    public JsonElement Overview => Document("overview");

    /// <summary>The rows of the tab that the filter leaves, in their order.</summary>
    public IReadOnlyList<TopRow> Rows => _rows ??= Table.Choose(
        Table.Rows(Overview, Document(Table.Document)), Words, SortColumn, IsReverse);

    /// <summary>Place of the row that is chosen; -1 where there is none.</summary>
    public int Chosen
    {
        get
        {
            var place = _places[Tab];
            var found = -1;
            for (var i = 0; i < Rows.Count && found < 0; i++)
                found = Rows[i].Key == place.Key ? i : -1;
            return found >= 0 ? found : Math.Min(place.Index, Rows.Count - 1);
        }
    }

    /// <summary>Documents that are shown now, besides the overview.</summary>
    public IEnumerable<string> Wanted
    {
        get
        {
            if (Table.Document.Length > 0)
                yield return Table.Document;
            if (Page is { Tab: null, Subject: { Length: > 0 } subject })
                yield return SubjectDocument(subject);
        }
    }

    private string[] Words => Filter.Split(' ', StringSplitOptions.RemoveEmptyEntries);

    public static string SubjectDocument(string subject) => $"subjects/{Uri.EscapeDataString(subject)}";

    public JsonElement Document(string name) => _documents.GetValueOrDefault(name);

    /// <summary>Takes what came; what nobody looks at any more is forgotten.</summary>
    public void Take(IReadOnlyDictionary<string, JsonElement> documents)
    {
        Keep();
        _documents.Clear();
        foreach (var (name, document) in documents)
            _documents[name] = document;
        _rows = null;
    }

    /// <summary>Shows a tab first.</summary>
    public void Show(TopTab tab)
    {
        Tab = tab;
        _rows = null;
    }

    /// <summary>The first row that is seen, so that the chosen one is.</summary>
    public int FirstRow(int room)
    {
        var place = _places[Tab];
        var chosen = Math.Max(Chosen, 0);
        place.First = Math.Clamp(place.First, Math.Max(0, chosen - room + 1), chosen);
        return place.First = Math.Min(place.First, Math.Max(0, Rows.Count - room));
    }

    /// <summary>Does what a key says.</summary>
    /// <param name="key">Which.</param>
    /// <param name="room">Rows, or lines of a page, that are seen at once.</param>
    public TopWish Press(TopKey key, int room)
    {
        Keep();
        if (IsFiltering)
            Type(key);
        else if (LinesOf(key, Math.Max(1, room)) is var lines and not 0)
            Go(lines);
        else if (IsHelp)
            IsHelp = !Closes(key);
        else if (Moment is not null && StepsOf(key) is var steps and not 0)
            return new(Steps: steps);
        else if (key.Kind == TopKeyKind.Letter)
            return Letter((char)(key.Letter.IsBmp ? key.Letter.Value : 0));
        else
            Move(key.Kind);
        return default;
    }

    private static int LinesOf(TopKey key, int room) => key switch
    {
        { Kind: TopKeyKind.Up } or { Kind: TopKeyKind.Letter, Letter.Value: 'k' } => -1,
        { Kind: TopKeyKind.Down } or { Kind: TopKeyKind.Letter, Letter.Value: 'j' } => 1,
        { Kind: TopKeyKind.PageUp } => -room,
        { Kind: TopKeyKind.PageDown } => room,
        { Kind: TopKeyKind.Home } => int.MinValue / 2,
        { Kind: TopKeyKind.End } => int.MaxValue / 2,
        _ => 0,
    };

    private static int StepsOf(TopKey key) => key switch
    {
        { Kind: TopKeyKind.Left } => -1,
        { Kind: TopKeyKind.Right } => 1,
        { Kind: TopKeyKind.Letter, Letter.Value: '[' } => -LongStep,
        { Kind: TopKeyKind.Letter, Letter.Value: ']' } => LongStep,
        _ => 0,
    };

    private static bool Closes(TopKey key) => key.Kind is TopKeyKind.Escape or TopKeyKind.Enter
        || key is { Kind: TopKeyKind.Letter, Letter.Value: '?' or 'q' };

    private TopWish Letter(char letter)
    {
        switch (letter)
        {
            case 'q':
                return new(Quit: true);
            case '?':
                (IsHelp, _helpFrom) = (true, 0);
                break;
            case '/':
                _pages.Clear();
                IsFiltering = true;
                break;
            case 's' or 'S' when Page is null:
                Sort(letter == 's' ? 1 : -1);
                break;
            case 'r' when Page is null:
                _sortings[Tab] = _sortings[Tab] with { Reverse = !IsReverse };
                _rows = null;
                break;
            case 'p':
                OpenSubject();
                break;
            case >= '1' and <= '5':
                Choose((TopTab)(letter - '1'));
                break;
        }
        return default;
    }

    private void Move(TopKeyKind key)
    {
        switch (key)
        {
            case TopKeyKind.Enter when Page is null:
                Open();
                break;
            case TopKeyKind.Enter:
                OpenSubject();
                break;
            case TopKeyKind.Escape or TopKeyKind.Erase:
                if (!_pages.TryPop(out _))
                    SetFilter("");
                break;
            case TopKeyKind.Tab:
                Choose((TopTab)(((int)Tab + 1) % TopTables.All.Count));
                break;
            case TopKeyKind.BackTab:
                Choose((TopTab)(((int)Tab + TopTables.All.Count - 1) % TopTables.All.Count));
                break;
            case TopKeyKind.Left:
                Choose((TopTab)Math.Max((int)Tab - 1, 0));
                break;
            case TopKeyKind.Right:
                Choose((TopTab)Math.Min((int)Tab + 1, TopTables.All.Count - 1));
                break;
        }
    }

    private void Type(TopKey key)
    {
        if (key.Kind is TopKeyKind.Escape)
        {
            SetFilter("");
            IsFiltering = false;
        }
        else if (key.Kind == TopKeyKind.Letter && Filter.Length < LongestFilter)
            SetFilter(Filter + TopText.Clean(key.Letter.ToString()));
        else if (key.Kind == TopKeyKind.Erase && Filter.Length > 0)
            SetFilter(string.Concat(Filter.EnumerateRunes().SkipLast(1).Select(static r => r.ToString())));
        else if (key.Kind is not TopKeyKind.Letter and not TopKeyKind.Erase)
        {
            IsFiltering = false;
            Go(LinesOf(key, 1));
        }
    }

    private void SetFilter(string filter)
    {
        Filter = filter;
        _rows = null;
    }

    private void Choose(TopTab tab)
    {
        _pages.Clear();
        Show(tab);
    }

    // Through all columns, and once as the document has them.
    private void Sort(int step)
    {
        var count = Table.Columns.Count + 1;
        var next = ((SortColumn ?? -1) + 1 + step + count) % count;
        _sortings[Tab] = new(next == 0 ? null : next - 1, false);
        _rows = null;
    }

    private void Go(int lines)
    {
        if (IsHelp || Page is not null)
            From = Math.Max(0, From + lines);
        else if (Rows.Count > 0)
        {
            var place = _places[Tab];
            place.Index = Math.Clamp(Chosen + lines, 0, Rows.Count - 1);
            place.Key = Rows[place.Index].Key;
        }
    }

    private void Open()
    {
        if (Chosen < 0)
            return;
        var row = Rows[Chosen];
        if (Tab is TopTab.Pods or TopTab.Listeners && row.Subject.Length > 0)
            _pages.Push(new(null, row.Subject, row.Subject, null));
        else
            _pages.Push(new(Tab, row.Key, row.Subject, row));
    }

    private void OpenSubject()
    {
        var subject = Page is { } page ? page.Tab is null ? "" : page.Subject : Chosen >= 0 ? Rows[Chosen].Subject : "";
        if (subject.Length > 0)
            _pages.Push(new(null, subject, subject, null));
    }

    // The chosen row stays so wherever others push it.
    private void Keep()
    {
        var chosen = Chosen;
        if (chosen >= 0)
            (_places[Tab].Index, _places[Tab].Key) = (chosen, Rows[chosen].Key);
    }

    /// <summary>The row of a page as it is now, or was when it was last there.</summary>
    public TopRow? RowOf(TopPage page) => page.Tab is { } tab
        ? TopTables.All[(int)tab].Rows(Overview, Document(TopTables.All[(int)tab].Document))
            .FirstOrDefault(r => r.Key == page.Key) ?? page.Source
        : null;

    private sealed class Place
    {
        public string Key { get; set; } = "";

        public int Index { get; set; }

        public int First { get; set; }
    }

    private readonly record struct Sorting(int? Column, bool Reverse);
}

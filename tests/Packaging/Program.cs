using Packaging.Tests;

// `dotnet Packaging.Tests.dll journal SIZE...` writes one event with a message of each size to the journal.
return args is ["journal", .. var sizes] ? JournalTests.Write(sizes.Select(int.Parse)) : 2;

using System.Collections;
using System.Reflection;
using System.Text;
using System.Text.Json;
using Collector.Worker.Tests.Http;
using Collector.Worker.View;

namespace Collector.Worker.Tests.View;

/// <summary>What is written by hand is what the serializer makes of the types: every property, in its order.</summary>
public sealed class ViewJsonTests
{
    private static readonly NullabilityInfoContext Nullability = new();

    public static TheoryData<Type> Views() => [.. OpenApiDocument.Paths.Where(p => p.Type is not null).Select(p => p.Type!)];

    [Theory]
    [MemberData(nameof(Views))]
    public void It_is_as_the_types_say_with_everything_known(Type view) => Check(view, known: true);

    [Theory]
    [MemberData(nameof(Views))]
    public void It_is_as_the_types_say_with_nothing_known(Type view) => Check(view, known: false);

    private static void Check(Type type, bool known)
    {
        var number = 0;
        var view = Make(type, ref number, known);
        var write = typeof(ViewJson).GetMethods(BindingFlags.Public | BindingFlags.Static)
            .Single(m => m.Name == nameof(ViewJson.Bytes) && m.GetParameters()[0].ParameterType.IsAssignableFrom(type));
        Encoding.UTF8.GetString((byte[])write.Invoke(null, [view])!)
            .ShouldBe(JsonSerializer.Serialize(view, type, OpenApiDocument.Names));
    }

    // Each value is another one, so that none can stand in another's place.
    private static object Make(Type type, ref int number, bool known)
    {
        number++;
        if (Nullable.GetUnderlyingType(type) is { } inner)
            return Make(inner, ref number, known);
        if (type == typeof(string))
            return $"text {number} <\u001b\u00e4\"";
        if (type == typeof(bool))
            return true;
        if (type == typeof(DateTime))
            return new DateTime(2026, 3, 4, 0, 0, 0, DateTimeKind.Utc).AddTicks(number * 1_234_567L);
        if (type == typeof(JsonElement))
            return JsonDocument.Parse($"[{number},{{\"a\":null}}]").RootElement;
        if (type.IsPrimitive)
            return Convert.ChangeType(type == typeof(double) ? number + 0.25 : number, type);
        if (type.IsArray)
            return Filled(Array.CreateInstance(type.GetElementType()!, 2), ref number, known);
        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IReadOnlyList<>))
            return Filled(Array.CreateInstance(type.GetGenericArguments()[0], 2), ref number, known);
        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IReadOnlyDictionary<,>))
        {
            var map = (IDictionary)Activator.CreateInstance(typeof(Dictionary<,>).MakeGenericType(type.GetGenericArguments()))!;
            map.Add($"Key {number}", Make(type.GetGenericArguments()[1], ref number, known));
            return map;
        }
        return Record(type, ref number, known);
    }

    private static Array Filled(Array array, ref int number, bool known)
    {
        for (var i = 0; i < array.Length; i++)
            array.SetValue(Make(array.GetType().GetElementType()!, ref number, known), i);
        return array;
    }

    private static object Record(Type type, ref int number, bool known)
    {
        var constructor = type.GetConstructors().Single();
        var arguments = new List<object?>();
        foreach (var parameter in constructor.GetParameters())
        {
            arguments.Add(!known && Nullability.Create(parameter).ReadState == NullabilityState.Nullable
                ? null
                : Make(parameter.ParameterType, ref number, known));
        }
        var its = constructor.Invoke([.. arguments]);
        foreach (var property in type.GetProperties().Where(p => p.SetMethod is not null && arguments.Count == 0))
        {
            property.SetValue(its, !known && Nullability.Create(property).ReadState == NullabilityState.Nullable
                ? null
                : Make(property.PropertyType, ref number, known));
        }
        return its;
    }
}

import Testing
import Values

@Suite("Moments at the edges of the calendar")
struct TimestampTests {
    @Test(
        "Every moment that can be read can be written",
        arguments: [
            "0000-01-01", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z",
            "0000-01-01T23:59:00+23:59", "9999-12-31T00:00:00-23:59", "1969-12-31T23:59:59.5Z",
        ])
    func writable(_ text: String) throws {
        let moment = try #require(Timestamp(text))
        #expect(Timestamp("\(moment)") == moment)
    }

    @Test(
        "An offset that leads out of the years of four digits is refused",
        arguments: ["0000-01-01T00:00:00+23:59", "9999-12-31T23:59:59-00:01"])
    func refused(_ text: String) {
        #expect(Timestamp(text) == nil)
    }
}

import Testing
import Values

@testable import Telemetry

@Suite("The log")
struct LogTests {
    let time = Timestamp(microseconds: 1_790_000_000_000_000)

    func line(_ fields: Log.Fields, requestID: String? = nil) -> String {
        String(
            decoding: Log.line(at: time, .notice, "started", requestID: requestID, fields),
            as: UTF8.self)
    }

    @Test func aLineIsOneObject() {
        #expect(
            line(["port": 8080, "sandbox": true, "host": "::1"], requestID: "r1")
                == #"{"time":"2026-09-21T14:13:20.000000Z","level":"notice","event":"started","#
                + #""request_id":"r1","port":8080,"sandbox":true,"host":"::1"}"# + "\n")
    }

    @Test func nothingBreaksOutOfItsField() {
        let text = line(["text": "a\"b\\c\nd\u{1}\u{7F}é\u{1F600}"])
        #expect(text.hasSuffix(#""text":"a\"b\\c\nd\u0001\u007fé😀"}"# + "\n"))
        #expect(text.utf8.count { $0 == UInt8(ascii: "\n") } == 1)
    }

    @Test func longTextIsCutBetweenCharacters() {
        let text = line(["text": .text(String(repeating: "é", count: 10_000))])
        #expect(text.utf8.count < 3000 && text.contains("é…\"}"))
    }

    @Test func levelsSilenceFields() {
        var isBuilt = false
        func field() -> LogValue {
            isBuilt = true
            return "x"
        }
        Log.debug("never", ["x": field()])
        #expect(!isBuilt && !Log.isOn(.debug) && Log.isOn(.error))
        #expect(LogLevel(name: "warning") == .warning && LogLevel(name: "loud") == nil)
    }
}

@Suite("Metrics")
struct MetricsTests {
    @Test func thePageIsInPrometheusForm() {
        let metrics = Metrics()
        metrics.counter("sent", help: "Sent.", labels: [("to", "a\"\\\nb")]).increment(by: 3)
        metrics.counter("sent_total", help: "Sent.").increment()
        let gauge = metrics.gauge("open", help: "Open\nnow.")
        gauge.set(5)
        gauge.add(-7)
        #expect(
            metrics.text() == #"""
                # HELP open Open\nnow.
                # TYPE open gauge
                open -2
                # HELP sent_total Sent.
                # TYPE sent_total counter
                sent_total 1
                sent_total{to="a\"\\\nb"} 3

                """#)
    }

    @Test func bucketsAddUp() {
        let metrics = Metrics()
        let histogram = metrics.histogram("took", help: "Took.", labels: [("route", "/")])
        for microseconds: Int64 in [0, 100, 101, 2500, 99_999_999] {
            histogram.observe(microseconds: microseconds)
        }
        histogram.observe(.milliseconds(3))
        let text = metrics.text()
        for line in [
            #"took_seconds_bucket{route="/",le="0.0001"} 2"#,
            #"took_seconds_bucket{route="/",le="0.00025"} 3"#,
            #"took_seconds_bucket{route="/",le="0.0025"} 4"#,
            #"took_seconds_bucket{route="/",le="0.005"} 5"#,
            #"took_seconds_bucket{route="/",le="10"} 5"#,
            #"took_seconds_bucket{route="/",le="+Inf"} 6"#,
            #"took_seconds_sum{route="/"} 100.0057"#, #"took_seconds_count{route="/"} 6"#,
        ] {
            #expect(text.contains(line + "\n"))
        }
    }

    @Test func theSameNameIsTheSameInstrument() {
        let metrics = Metrics()
        let first = metrics.counter("a", help: "A.", labels: [("b", "c")])
        #expect(first === metrics.counter("a", help: "A.", labels: [("b", "c")]))
        #expect(first !== metrics.counter("a", help: "A.", labels: [("b", "d")]))
    }
}

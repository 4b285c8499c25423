import Synchronization

/// The registry of everything that is counted, and its page for Prometheus.
///
/// Instruments are asked for once, at start, and kept: asking takes a lock, counting does not.
package final class Metrics: Sendable {
    package static let shared = Metrics()

    private enum Instrument {
        case counter(Counter)
        case gauge(Gauge)
        case histogram(Histogram)

        var type: String {
            switch self {
            case .counter: "counter"
            case .gauge: "gauge"
            case .histogram: "histogram"
            }
        }
    }

    private struct Family {
        let help: String
        let type: String
        var series: [(labels: String, instrument: Instrument)] = []
    }

    private let families = Mutex<[String: Family]>([:])

    package init() {}

    /// The counter of this name and these labels; the name gets `_total` at its end if it lacks it.
    package func counter(
        _ name: String, help: String, labels: [(String, String)] = []
    ) -> Counter {
        let instrument = register(name, suffix: "_total", help, labels) { .counter(Counter()) }
        guard case .counter(let counter) = instrument else { Self.refuseOtherType(name) }
        return counter
    }

    package func gauge(_ name: String, help: String, labels: [(String, String)] = []) -> Gauge {
        let instrument = register(name, suffix: "", help, labels) { .gauge(Gauge()) }
        guard case .gauge(let gauge) = instrument else { Self.refuseOtherType(name) }
        return gauge
    }

    /// The histogram of this name and these labels; the name gets `_seconds` if it lacks it.
    package func histogram(
        _ name: String, help: String, labels: [(String, String)] = []
    ) -> Histogram {
        let instrument = register(name, suffix: "_seconds", help, labels) {
            .histogram(Histogram())
        }
        guard case .histogram(let histogram) = instrument else { Self.refuseOtherType(name) }
        return histogram
    }

    private static func refuseOtherType(_ name: String) -> Never {
        preconditionFailure("metric \(name) already exists with another type")
    }

    private func register(
        _ name: String, suffix: String, _ help: String, _ labels: [(String, String)],
        make: () -> Instrument
    ) -> Instrument {
        let name = name.hasSuffix(suffix) ? name : name + suffix
        precondition(Self.isName(name) && labels.allSatisfy { Self.isName($0.0) })
        let text = MetricsPage.labels(labels)
        return families.withLock { families in
            if let known = families[name]?.series.first(where: { $0.labels == text }) {
                return known.instrument
            }
            let instrument = make()
            precondition(families[name].map { $0.type == instrument.type } ?? true)
            families[name, default: Family(help: help, type: instrument.type)]
                .series.append((text, instrument))
            return instrument
        }
    }

    private static func isName(_ name: String) -> Bool {
        guard let first = name.utf8.first, !(0x30...0x39).contains(first) else { return false }
        return name.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "_"): true
            default: false
            }
        }
    }

    /// All values in the Prometheus text format, version 0.0.4.
    ///
    /// https://prometheus.io/docs/instrumenting/exposition_formats/
    package func text() -> String {
        let families = families.withLock { $0 }
        var page = MetricsPage()
        for (name, family) in families.sorted(by: { $0.key < $1.key }) {
            page.head(name, help: family.help, type: family.type)
            for (labels, instrument) in family.series.sorted(by: { $0.labels < $1.labels }) {
                switch instrument {
                case .counter(let counter): page.sample(name, labels, String(counter.value))
                case .gauge(let gauge): page.sample(name, labels, String(gauge.value))
                case .histogram(let histogram): page.histogram(name, labels, histogram)
                }
            }
        }
        return page.text
    }
}

/// Writes lines of the text format.
private struct MetricsPage {
    var text = ""

    mutating func head(_ name: String, help: String, type: String) {
        text += "# HELP \(name) \(Self.escaped(help, quotes: false))\n# TYPE \(name) \(type)\n"
    }

    mutating func sample(_ name: String, _ labels: String, _ value: String) {
        text += labels.isEmpty ? "\(name) \(value)\n" : "\(name){\(labels)} \(value)\n"
    }

    mutating func histogram(_ name: String, _ labels: String, _ histogram: Histogram) {
        let prefix = labels.isEmpty ? "" : labels + ","
        let bounds = Histogram.boundsMicroseconds.map(Self.seconds) + ["+Inf"]
        var count: Int64 = 0
        for (bound, held) in zip(bounds, histogram.buckets) {
            count += held
            sample(name + "_bucket", prefix + "le=\"\(bound)\"", String(count))
        }
        sample(name + "_sum", labels, Self.seconds(histogram.sumMicroseconds))
        // From the same reading as the buckets, so that `_count` always equals the last of them.
        sample(name + "_count", labels, String(count))
    }

    static func labels(_ labels: [(String, String)]) -> String {
        labels.map { "\($0.0)=\"\(escaped($0.1, quotes: true))\"" }.joined(separator: ",")
    }

    /// Microseconds as exact decimal seconds, without needless zeros: `0.0025`.
    private static func seconds(_ microseconds: Int64) -> String {
        let (whole, part) = microseconds.quotientAndRemainder(dividingBy: 1_000_000)
        guard part > 0 else { return String(whole) }
        let digits = String(1_000_000 + part).dropFirst()
        let kept = digits.reversed().drop { $0 == "0" }.reversed()
        return "\(whole).\(String(kept))"
    }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        var result = ""
        for character in text.unicodeScalars {
            switch character {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\"" where quotes: result += "\\\""
            default: result.unicodeScalars.append(character)
            }
        }
        return result
    }
}

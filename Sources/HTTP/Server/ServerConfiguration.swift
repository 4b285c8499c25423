package import Values

/// Where a server listens and what it tolerates.
package struct ServerConfiguration: Sendable {
    /// An IPv4 or IPv6 address of this machine.
    package var host = "127.0.0.1"
    /// 0 lets the system choose; `Server.port` tells.
    package var port = 8080
    /// Open connections; more wait in the kernel. Never more than the system's limit on files
    /// allows.
    package var connectionsMax = 20_000

    // MARK: Sizes

    /// Request line and header fields together.
    package var headBytesMax = 8 * 1024
    /// A route may ask for more or less.
    package var bodyBytesMax = 1024 * 1024

    // MARK: Times

    /// From the connection, or the first line of a later request, to the end of the head.
    package var headerDeadline = Duration.seconds(10)
    /// From the head to the end of the body.
    package var bodyDeadline = Duration.seconds(60)
    /// From the first to the last byte of an answer; event streams are exempt.
    package var answerDeadline = Duration.seconds(120)
    /// The same for an answer that is produced while it is sent, such as a person's whole data.
    package var producedAnswerDeadline = Duration.seconds(1800)
    /// Silence on a kept connection, or while either side should be sending. Whole seconds.
    package var idleSeconds = 75
    /// How long `drain` waits for requests in flight.
    package var drainDeadline = Duration.seconds(30)
    /// Silence on an event stream until a comment breaks it.
    package var heartbeatInterval = Duration.seconds(15)

    // MARK: Who may come from where

    /// Origins, such as `https://wallet.example`, whose pages may call this API from a browser.
    package var originsAllowed: Set<String> = []
    /// Addresses whose `X-Forwarded-For` is believed.
    package var proxiesTrusted = NetworkRanges.none
    /// Nil for nobody being limited.
    package var limiter: RateLimiter?
    /// Seconds for `Strict-Transport-Security`; nil as long as plain HTTP must keep working.
    package var strictTransportSeconds: Int?
    /// WebAssembly counts as `eval` unless it is named; texts are still never run as programs.
    package var contentSecurityPolicy = """
        default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; base-uri 'none'; \
        form-action 'self'; frame-ancestors 'none'; img-src 'self' data:; object-src 'none'
        """

    package init() {}
}

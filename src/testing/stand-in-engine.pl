# An engine that is not one: answers any request with its head as JSON, or streams, or stalls, by path.
# Runs on perl-base, which every Debian image has.
use strict; use warnings; use IO::Socket::INET; use IO::Select;
$| = 1; $SIG{CHLD} = 'IGNORE'; $SIG{TERM} = sub { exit 0 };
my $server = IO::Socket::INET->new(LocalPort => 11434, Listen => 64, ReuseAddr => 1) or die "listen: $!";
print "listening\n";
while (my $client = $server->accept) {
  next if fork;
  my ($head, $chunk) = ('', '');
  while ($head !~ /\r\n\r\n/ && sysread($client, $chunk, 65536)) { $head .= $chunk; }
  my ($top, $body) = split /\r\n\r\n/, $head, 2;
  my ($length) = $top =~ /^content-length: (\d+)/im;
  while (length($body) < ($length // 0) && sysread($client, $chunk, 65536)) { $body .= $chunk; }
  my ($path) = $top =~ m{^\S+ (\S+)};
  if ($path eq '/v1/chat/completions') {
    print $client "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    for my $n (1 .. 40) {
      my $event = sprintf "data: {\"n\":%d}\n\n", $n;
      syswrite $client, sprintf("%x\r\n%s\r\n", length $event, $event);
      select undef, undef, undef, 0.015;
    }
    syswrite $client, "0\r\n\r\n";
  } elsif ($path eq '/api/generate') {
    # Reading a prompt: nothing is sent. Tells when the client has gone.
    print "stalling\n";
    my $gone = IO::Select->new($client)->can_read(20) && !sysread($client, $chunk, 1);
    print $gone ? "client gone\n" : "client still there\n";
  } elsif ($path eq '/api/embed') {
    print $client "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbroken off";
  } else {
    $top =~ s/[\\"]/?/g; $top =~ s/\r\n/\\n/g;
    my $json = sprintf '{"head":"%s","body":%d}', $top, length $body;
    print $client "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ".length($json)."\r\n\r\n$json";
  }
  close $client; exit 0;
}
